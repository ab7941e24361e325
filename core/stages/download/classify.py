"""Which class of error a failed download is, and the sentence a person reads: a table, judged from top to bottom.

The facts are those of `child.describe`: for every error of a chain its types, text, HTTP status, errno and what the
proxy said. The texts are yt-dlp's and the sites'; they change, so each rule has a test with a real example.
"""

import errno
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages.container import SUFFIXES
from core.stages.download.texts import reason


class Rule(msgspec.Struct, frozen=True):
    """One row: the class, its sentence (`{host}`, `{reason}`, `{status}`), and the evidence, any of which is enough."""

    error_class: ErrorClass
    sentence: str
    types: tuple[str, ...] = ()
    status: tuple[int, ...] = ()
    errnos: tuple[int, ...] = ()
    refused: str = ""
    failed: tuple[str, ...] = ()
    text: str = ""


NAMED_COUNTRIES = 5
E = ErrorClass
RULES: tuple[Rule, ...] = (
    Rule(
        E.PRIVATE_ADDRESS,
        "{host} leads to a private or local address, which is not fetched.",
        refused="private_address",
        text=r"Reprise private_address|only the proxy may be connected to",
    ),
    Rule(E.LIMIT_EXCEEDED, "The video is too large or too long: {reason}.", types=("LimitError",)),
    Rule(E.LIMIT_EXCEEDED, "The page or file is too large to be read.", types=("MemoryError",), errnos=(errno.EFBIG,)),
    Rule(E.NOT_YET, "{host} is still broadcasting this, or has not begun.", types=("NotYetError", "UserNotLive")),
    Rule(
        E.DISK_FULL,
        "The disk is full.",
        errnos=(errno.ENOSPC, errno.EDQUOT),
        text=r"No space left on device|Disk quota exceeded",
    ),
    Rule(
        E.LOCAL_IO,
        "The storage folder cannot be written: {reason}.",
        errnos=(errno.EACCES, errno.EROFS, errno.ENAMETOOLONG, errno.EIO),
    ),
    Rule(E.DRM, "The video is protected by its publisher (DRM).", text=r"DRM[ -]protected|is DRM|uses DRM"),
    Rule(
        E.GEO_BLOCKED,
        "{host} does not offer this video in this country.",
        types=("GeoRestrictedError",),
        status=(451,),
        text=r"not (made this video )?available (in|from) your (country|location|region)|geo.?restrict",
    ),
    Rule(
        E.RATE_LIMITED,
        "{host} asks to slow down.",
        status=(429,),
        text=r"Too Many Requests|not a bot|rate-limited by|content isn't available, try again later",
    ),
    Rule(
        E.AUTH_REQUIRED,
        "{host} shows this only to people who are signed in.",
        status=(401,),
        text=r"Sign in|Private video|is private|members[- ]only|join this channel|confirm your age|age[- ]restricted"
        r"|login required|log ?in to|only available for registered users|--cookies|requires? (a )?(purchase|subscription|account)",
    ),
    Rule(
        E.NOT_YET,
        "{host} has not begun to show this yet.",
        text=r"Premieres in|will begin in|live event will begin|is not currently live|has not (yet )?started",
    ),
    Rule(
        E.SERVER,
        "A part of the video is missing on {host}.",
        text=r"Got error: HTTP Error 4(04|10)|fragment \d+ not found",
    ),
    Rule(
        E.REMOVED,
        "{host} says that there is nothing at this address (any more).",
        status=(404, 410),
        text=r"Video unavailable|has been (removed|deleted|terminated)|been terminated|no longer (available|exists)"
        r"|does not exist|(video|page) (was )?not found|This video isn't available",
    ),
    Rule(E.FORMAT, "{host} does not offer the wanted format.", text=r"Requested format is not available"),
    Rule(E.FORBIDDEN, "{host} refuses access to it (403).", status=(403,)),
    Rule(
        E.UNSUPPORTED_URL,
        "No video was found at this address of {host}.",
        types=("UnsupportedError", "NoSupportingHandlers", "UnsupportedRequest", "_UnsafeExtensionError"),
        text=r"is not a valid URL|file:// URLs are disabled|kind of stream is not supported|The protocol .* is not supported"
        r"|No video formats found|The site gave no video|no (video|media) (was )?found|unsupported url|no longer supported",
    ),
    Rule(
        E.TOOLING,
        "yt-dlp cannot read {host} here: {reason}.",
        types=("ImportError",),
        text=r"No supported JavaScript runtime|(ffmpeg|ffprobe|deno)[^.]* (not (found|installed)|missing)",
    ),
    Rule(E.NETWORK, "The host {host} could not be found.", failed=("dns",), text=r"Reprise dns"),
    Rule(E.NETWORK, "{host} could not be reached.", failed=("connect",), text=r"Reprise connect"),
    Rule(E.NETWORK, "The configured proxy refused the connection to {host}.", failed=("proxy",), text=r"Reprise proxy"),
    Rule(
        E.SERVER,
        "{host} has trouble at the moment (HTTP {status}).",
        status=(408, 425, 500, 502, 503, 504, 520, 522, 524),
    ),
    Rule(
        E.NOT_MEDIA,
        "{host} sent an empty file.",
        text=r"downloaded file is empty|Did not get any data blocks",
    ),
    Rule(
        E.NETWORK,
        "The connection to {host} broke off.",
        types=(
            "TransportError",
            "IncompleteRead",
            "ContentTooShortError",
            "gaierror",
            "SSLError",
            "TimeoutError",
            "ConnectionError",
        ),
        text=r"timed out|Temporary failure in name resolution|bytes read, \d+ more expected|expected \d+ bytes"
        r"|Connection (reset|refused|aborted)|Remote end closed|EOF occurred|content too short|download ended early|changes while",
    ),
    Rule(
        E.TOOLING,
        "yt-dlp cannot read this page of {host}: {reason}.",
        text=r"please report this issue|Unable to extract",
    ),
)

_CERTIFICATE = Rule(E.SERVER, "The certificate of {host} is not valid.", types=("CertificateVerifyError",))


def classify(chain: Sequence[dict[str, Any]], *, host: str, url_suffix: str = "") -> StageError:
    """The error that the facts in `chain` amount to; what no rule knows is UNKNOWN and says what yt-dlp said."""
    status = next((status for link in chain if (status := _status(link))), "?")
    said = reason(str(chain[0]["text"])) if chain else "no reason was given"
    for rule in (_CERTIFICATE, *RULES):
        if any(_fits(rule, link) for link in chain):
            if rule.error_class == E.UNSUPPORTED_URL and url_suffix.lower() in SUFFIXES:
                return StageError(E.NOT_MEDIA, f"{host} sent something else than a video, probably a web page.")
            deepest = (
                said
                if rule.error_class != E.LIMIT_EXCEEDED
                else reason(str(chain[-1]["text"] if len(chain) > 1 else said))
            )
            countries = [name for link in chain for name in link["countries"]]
            if rule.error_class == E.GEO_BLOCKED and countries:
                return _blocked(host, list(dict.fromkeys(countries)))
            return StageError(
                rule.error_class,
                rule.sentence.format(host=host, reason=deepest, status=status),
                retry_after_s=_retry_after_s(chain),
            )
    return StageError(E.UNKNOWN, f"The download failed: {said or 'no reason was given'}.")


def _blocked(host: str, countries: Sequence[str]) -> StageError:
    """A video that is offered in these countries only."""
    named, more = list(countries[:NAMED_COUNTRIES]), len(countries) - NAMED_COUNTRIES
    if more > 0:
        named.append("1 more country" if more == 1 else f"{more} more countries")
    where = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return StageError(E.GEO_BLOCKED, f"{host} offers this video only in {where}.")


def _fits(rule: Rule, link: dict[str, Any]) -> bool:
    return (
        any(kind in rule.types for kind in link["type"])
        or (not link["failed"] and _status(link) in rule.status)
        or (link["errno"] is not None and link["errno"] in rule.errnos)
        or (bool(rule.refused) and link["refused"] == rule.refused)
        or (link["failed"] is not None and link["failed"] in rule.failed)
        or (bool(rule.text) and re.search(rule.text, link["text"], re.IGNORECASE) is not None)
    )


def _status(link: dict[str, Any]) -> int | None:
    """The HTTP status; errors between retries carry it in their text only."""
    if link["status"] is not None:
        return int(link["status"])
    told = re.search(r"HTTP Error (\d{3}): (?!Reprise)", link["text"])
    return int(told[1]) if told else None


def _retry_after_s(chain: Sequence[dict[str, Any]]) -> float | None:
    for link in chain:
        asked = str(link["retry_after"] or "")
        if asked.isdigit():
            return float(asked)
        announced = re.search(r"; begins in (\d+) s", link["text"])
        if announced and any(kind == "NotYetError" for kind in link["type"]):
            return float(announced[1])
    return None
