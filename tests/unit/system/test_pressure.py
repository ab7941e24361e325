"""When memory or processor are short, the heavy lane is held back, and says why."""

import os
from pathlib import Path

from core.system.pressure import Pressure

GIGABYTE = 1_000_000_000


def machine(folder: Path, *, available_kb: int = 8_000_000, group: dict[str, str] | None = None) -> dict[str, Path]:
    """The files in which a machine tells of its memory; `group` are those of this process's control group."""
    (folder / "meminfo").write_text(f"MemTotal: 16000000 kB\nMemAvailable:    {available_kb} kB\n")
    (folder / "cgroup").write_text("1:name=systemd:/\n0::/app/worker\n")
    here = folder / "cgroups" / "app" / "worker"
    here.mkdir(parents=True)
    for name, content in (group or {}).items():
        (here / name).write_text(content)
    return {"meminfo": folder / "meminfo", "cgroup": folder / "cgroup", "cgroups": folder / "cgroups"}


def test_enough_memory_holds_nothing_back(tmp_path: Path) -> None:
    assert Pressure(2 * GIGABYTE, 0.0, **machine(tmp_path)).throttled() == {}


def test_too_little_memory_holds_the_heavy_lane_back_in_numbers(tmp_path: Path) -> None:
    said = Pressure(2 * GIGABYTE, 0.0, **machine(tmp_path, available_kb=500_000)).throttled()
    assert said == {"cpu": "Waits for memory: 0.5 GB are free, 2.0 GB are to stay free."}


def test_the_limit_of_the_control_group_counts_when_it_leaves_less(tmp_path: Path) -> None:
    group = {"memory.max": "3000000000\n", "memory.current": "2500000000\n", "memory.stat": "inactive_file 100000000\n"}
    assert Pressure(1, 0.0, **machine(tmp_path, group=group)).free_memory() == 600_000_000


def test_a_control_group_without_a_limit_leaves_what_the_machine_has(tmp_path: Path) -> None:
    group = {"memory.max": "max\n", "memory.current": "2500000000\n"}
    assert Pressure(1, 0.0, **machine(tmp_path, group=group)).free_memory() == 8_000_000 * 1024


def test_where_nothing_can_be_read_nothing_is_held_back(tmp_path: Path) -> None:
    none = tmp_path / "none"
    assert Pressure(10**18, 0.0, meminfo=none, cgroup=none, cgroups=none).throttled() == {}


def test_a_load_above_the_limit_holds_the_heavy_lane_back(tmp_path: Path) -> None:
    files, cores = machine(tmp_path), os.cpu_count() or 1

    def throttled(limit: float) -> dict[str, str]:
        return Pressure(0, limit, **files, load_average=lambda: 9.0 * cores).throttled()

    assert throttled(1.5) == {"cpu": "Waits for the processor: the load is 9.0 a core, and is to be 1.5 at most."}
    assert throttled(9.5) == {}
    assert throttled(0.0) == {}
