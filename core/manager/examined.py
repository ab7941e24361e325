"""One thing that the doctor looked at."""

import msgspec


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at; `hint` says what to do when it is not well."""

    name: str
    ok: bool
    message: str
    hint: str = ""
