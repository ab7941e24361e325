"""Listeners read on when they can: nobody who is slow costs the others, or memory."""

import asyncio

from core.api.channel import KEPT, Channel


def filled(count: int) -> Channel:
    channel = Channel()
    for number in range(count):
        channel.say(b"%d" % number)
    return channel


def test_everybody_reads_from_their_own_place() -> None:
    channel = filled(3)
    assert channel.since(0) == [b"0", b"1", b"2"]
    assert channel.since(2) == [b"2"]
    assert channel.since(3) == []


def test_who_is_too_far_behind_is_told_so_and_nothing_grows() -> None:
    channel = filled(KEPT + 10)
    assert channel.since(9) is None
    kept = channel.since(10)
    assert kept is not None
    assert len(kept) == KEPT


def test_who_waits_is_woken_by_a_message_and_else_after_a_while() -> None:
    async def wait() -> list[bool]:
        channel = Channel()
        waiting = [asyncio.create_task(channel.more(0, 20.0)) for _ in range(3)]
        late = await channel.more(0, 0.01)
        channel.say(b"news")
        return [late, *await asyncio.gather(*waiting), await channel.more(0, 20.0)]

    assert asyncio.run(wait()) == [False, True, True, True, True]


def test_an_end_is_never_taken_for_a_message_that_comes_at_the_same_moment() -> None:
    """`asyncio.wait_for` of Python 3.11 does: a server that ends then waits for that listener for ever."""

    async def end_after(steps: int) -> bool:
        channel = Channel()
        waiting = asyncio.create_task(channel.more(0, 20.0))
        step = asyncio.get_running_loop().create_future
        for number in range(3 + steps):
            if number == 3:
                channel.say(b"news")
            one = step()
            asyncio.get_running_loop().call_soon(one.set_result, None)
            await one
        asked = waiting.cancel()
        await asyncio.wait({waiting})
        return waiting.cancelled() or not asked

    assert all(asyncio.run(end_after(steps)) for steps in range(6))
