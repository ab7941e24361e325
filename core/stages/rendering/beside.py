"""Several pieces of work beside each other, each in a thread of its own: all of them come to their end, or none counts."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
Check = Callable[[], None]
Told = Callable[[float], None]


class _Abandoned(BaseException):
    """The work beside this one has failed."""


def beside(jobs: Sequence[Callable[[Check], Result]], at_once: int, check: Check) -> list[Result]:
    """What `jobs` give, in their order; at most `at_once` run at a time.

    Each is handed a function to call instead of `check`, at least 4 times a second. When one raises, that function raises
    in the others, and once all have ended the first error is raised.
    """
    lock = threading.Lock()
    failures: list[BaseException] = []

    def checked() -> None:
        if failures:
            raise _Abandoned
        check()

    def run(job: Callable[[Check], Result]) -> Result:
        try:
            checked()
            return job(checked)
        except BaseException as error:
            with lock:
                failures.append(error)
            raise

    with ThreadPoolExecutor(max_workers=max(1, at_once), thread_name_prefix="beside") as pool:
        futures = [pool.submit(run, job) for job in jobs]
    if failures:
        raise failures[0]
    return [future.result() for future in futures]


def together(count: int, tell: Told) -> Callable[[int, float], None]:
    """A listener to each of `count` pieces of work that go on at once, which tells what they have done together."""
    lock, done = threading.Lock(), [0.0] * count

    def told(number: int, seconds: float) -> None:
        with lock:
            done[number] = max(done[number], seconds)
            tell(sum(done))

    return told
