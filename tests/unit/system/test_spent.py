"""What a piece of work used: its own peak and not one of before, and the time of programs it started."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.system import spent
from core.system.spent import Meter

MEASURES = """
from core.system.spent import Meter
before = bytearray(120_000_000)
del before
meter = Meter()
start = meter.spent().memory_bytes
mine = bytearray(60_000_000)
del mine
print(start, meter.spent().memory_bytes)
"""
BUSY = "import os\nwhile os.times().user < 0.15: pass"


def test_the_peak_is_that_of_this_piece_of_work() -> None:
    told = subprocess.run([sys.executable, "-c", MEASURES], capture_output=True, text=True, check=True).stdout
    start, after = map(int, told.split())
    assert start < 100_000_000, "what was before does not count"
    assert 55_000_000 < after - start < 70_000_000


def test_the_time_of_programs_that_ended_counts() -> None:
    meter = Meter()
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert meter.spent().cpu_s >= 0.15


def test_where_the_kernel_does_not_tell_the_memory_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(spent, "_CLEAR", tmp_path / "no" / "such")
    assert Meter().spent().memory_bytes is None
