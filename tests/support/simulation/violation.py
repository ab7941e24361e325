"""What a check says when something is not as it must be."""


class Violation(AssertionError):
    """`rule` is the invariant's name, the same for every way of breaking it; nothing of the product catches this."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


def require(rule: str, holds: bool, detail: object = "") -> None:
    """Raise `Violation` unless the invariant `rule` holds."""
    if not holds:
        raise Violation(rule, str(detail))
