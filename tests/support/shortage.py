"""A process that gets no more descriptors for a while, as when too many files are open."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from core.system.logs import Log


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """This process gets no new descriptor for a while; its log is open by then, as that of a service is."""
    Log("tests").info("descriptors_gone")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
