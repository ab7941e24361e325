"""What the machine has no more of is no fault of the source: it is waited for, or the limit is named."""

import errno
import os

import pytest

from core.domain.errors import CLASSES, ErrorClass
from core.system.shortage import shortage


@pytest.mark.parametrize(
    ("number", "expected", "again", "says"),
    [
        (errno.ENOSPC, ErrorClass.DISK_FULL, True, "disk is full"),
        (errno.EDQUOT, ErrorClass.DISK_FULL, True, "disk is full"),
        (errno.EFBIG, ErrorClass.LIMIT_EXCEEDED, False, "longer than this system allows"),
        (errno.EMFILE, ErrorClass.UNKNOWN, True, "Too many open files"),
        (errno.ENFILE, ErrorClass.UNKNOWN, True, "Too many open files in system"),
        (errno.EAGAIN, ErrorClass.UNKNOWN, True, "Resource temporarily unavailable"),
        (errno.ENOMEM, ErrorClass.UNKNOWN, True, "Cannot allocate memory"),
    ],
)
def test_a_shortage_has_its_class_and_sentence(number: int, expected: ErrorClass, again: bool, says: str) -> None:
    found = shortage(OSError(number, os.strerror(number)))
    assert found is not None
    assert found.error_class == expected
    assert CLASSES[expected].retryable is again
    assert says in found.message
    assert found.hint


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "broken"), FileNotFoundError(errno.ENOENT, ""), ValueError(), None]
)
def test_everything_else_is_none(error: BaseException | None) -> None:
    assert shortage(error) is None
