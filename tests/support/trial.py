"""One act of a victim, tried again and again on fresh copies of one storage, with a fault at another point each time."""

from pathlib import Path

from tests.support.durability import Disk
from tests.support.fault_cases import Case, copied, template
from tests.support.strace import Outcome, Victims, changes, points
from tests.support.victim import KEY, REFUSED, STAGE

MUST_REPORT = frozenset({"write", "fsync", "rename", "linkat", "openat", "ftruncate", "mkdir"})


class Trial:
    """`case` below `folder`, with a mistake planted into the victim or, usually, without."""

    def __init__(self, victims: Victims, case: Case, folder: Path, sabotage: str = "") -> None:
        self.victims = victims
        self.case = case
        self.sabotage = sabotage
        self.template = template(folder / "template", case.act)
        self.target = folder / "copy"

    def run(self, fault: str = "") -> Outcome:
        """The act on a fresh copy, under strace."""
        root = copied(self.template, self.target)
        return self.victims.run(self.case.act, root, fault=fault, sabotage=self.sabotage)

    def survived(self, outcome: Outcome) -> None:
        """Fails unless the storage is as the case demands after what was acknowledged."""
        assert "crashed" not in outcome.said, outcome.said
        self.case.verify(self.target, outcome.acks)

    def undisturbed(self) -> Outcome:
        """The act without any fault; it has to succeed."""
        outcome = self.run()
        assert outcome.status == 0, outcome.said
        self.survived(outcome)
        return outcome

    def kill_everywhere(self, *, all_calls: bool, stride: int = 1) -> int:
        """Kill before each call of the act that changes something, or before every call; gives at how many."""
        calls = self.undisturbed().calls
        found = [point for point, _ in points(calls, self.target) if all_calls or changes(point)][::stride]
        for point in found:
            outcome = self.run(f"{point.call}:signal=SIGKILL:when={point.number}")
            assert outcome.killed, f"{point} was not reached again"
            self.survived(outcome)
        return len(found)

    def fail_everywhere(self, error: str, *, stride: int = 1) -> int:
        """Let each call that can fail so fail with `error`; gives how many did."""
        undisturbed = self.undisturbed()
        found = points(undisturbed.calls, self.target)
        fitting = [pair for pair in found if (pair[0].call == "openat" if error == "EMFILE" else changes(pair[0]))]
        for point, line in fitting[::stride]:
            outcome = self.run(f"{point.call}:error={error}:when={point.number}")
            assert outcome.status in (0, REFUSED), f"{point}: {outcome.said}"
            assert "stayed locked" not in outcome.said, f"{error} was taken for a held lock"
            if self.case.reports and point.call in MUST_REPORT and "O_EXCL" not in line and "= -1" not in line:
                assert outcome.status == REFUSED, f"{error} at {line} was not reported"
                assert len(outcome.acks) < len(undisturbed.acks)
            self.survived(outcome)
        return len(fitting[::stride])

    def promised_too_early(self) -> list[str]:
        """What a disk that keeps only what was synced would have lost, in words."""
        there = [path.relative_to(self.template) for path in self.template.rglob("*") if path.is_file()]
        work = self.target / "work" / STAGE / KEY / "tmp.a1"
        made = [str(work / name) for name in ("text", "sub/more")] if self.case.act == "publish" else []
        outcome = self.run()
        assert outcome.status == 0, outcome.said
        durable = [str(self.target / path) for path in there]
        return Disk(str(self.target), str(self.victims.acks), durable=durable, dirty=made).replay(outcome.calls)
