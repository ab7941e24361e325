"""What the fields of a batch may be, and the sentences that say so."""

from core.domain.errors import BadInput

PRIORITY = (0, 10)
CONCURRENCY = (1, 5)
MAX_NAME = 100
MAX_DESCRIPTION = 2000


def whole_number(field: str, value: object, within: tuple[int, int]) -> int:
    """`value` if it is a whole number within these bounds; raises `BadInput` naming `field` and bounds.

    Neither true nor 5.0 is one; a text is, as typed on a command line, when it has nothing but digits.
    """
    low, high = within
    text = value.strip() if isinstance(value, str) else ""
    number = int(text) if text.lstrip("-").isdecimal() and text.isascii() and len(text) < 10 else value
    if type(number) is not int or not low <= number <= high:
        raise BadInput(
            f"The {field} is {str(value)[:40]}; it has to be a whole number from {low} to {high}.", code="out_of_range"
        )
    return number


def check_text(field: str, value: str, longest: int, *, required: bool = False) -> str:
    """`value` without spaces round it; raises `BadInput` naming `field` when it is too long or, if `required`, empty."""
    text = value.strip()
    if len(text) > longest:
        raise BadInput(f"The {field} is longer than {longest} characters.", hint="Shorten it.")
    if required and not text:
        raise BadInput(f"The {field} is empty.", hint="Give it at least one letter.")
    return text
