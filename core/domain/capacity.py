"""What a service works with: how much at a time, and what it leaves free."""

import msgspec


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """How many workers each lane has, and the limits by which work waits; a limit of 0 is none.

    A service publishes its own in the pool's record, so that views elsewhere reckon with it and not with the
    configuration they happen to run in.
    """

    lanes: dict[str, int]
    transcribe_threads: int = 0
    max_runs_per_user: int = 0
    free_space_bytes: int = 0
    min_free_memory_bytes: int = 0
    max_load_per_core: float = 0.0
