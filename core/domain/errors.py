"""What can go wrong, as classes of errors with one remedy each, and the exceptions that carry them.

`ErrorClass` is what a failed attempt is sorted into; `CLASSES` says for each whether trying again can help
and what the person in front of the screen should do. Everything that reaches a user is a `RepriseError`:
one sentence and a hint, never a traceback.
"""

from enum import StrEnum

import msgspec


class ErrorClass(StrEnum):
    """Why an attempt failed, in the classes that decide about retrying."""

    NETWORK = "network"
    SERVER = "server"
    RATE_LIMITED = "rate_limited"
    FORBIDDEN = "forbidden"
    AUTH_REQUIRED = "auth_required"
    GEO_BLOCKED = "geo_blocked"
    REMOVED = "removed"
    DRM = "drm"
    UNSUPPORTED_URL = "unsupported_url"
    PRIVATE_ADDRESS = "private_address"
    NOT_YET = "not_yet"
    FORMAT = "format"
    TOOLING = "tooling"
    DISK_FULL = "disk_full"
    LOCAL_IO = "local_io"
    NOT_MEDIA = "not_media"
    TRUNCATED = "truncated"
    NO_AUDIO = "no_audio"
    LIMIT_EXCEEDED = "limit_exceeded"
    INPUT_LOST = "input_lost"
    MODEL_MISSING = "model_missing"
    LANGUAGE_MISMATCH = "language_mismatch"
    OUT_OF_MEMORY = "out_of_memory"
    LLM_UNAVAILABLE = "llm_unavailable"
    LLM_REFUSED = "llm_refused"
    LLM_INVALID = "llm_invalid"
    POSTPROCESS = "postprocess"
    CRASH = "crash"
    UNKNOWN = "unknown"


class ClassRule(msgspec.Struct, frozen=True):
    """How one class of errors is treated: may a retry help, and what does a person do about it.

    `retries` is a lower budget of its own (None: that of the run's settings); what does not count uses up no try, since
    something outside the run has to change. With `when_told` it is tried again only if the time for that was told.
    """

    retryable: bool
    hint: str
    retries: int | None = None
    counts: bool = True
    when_told: bool = False


CLASSES: dict[ErrorClass, ClassRule] = {
    ErrorClass.NETWORK: ClassRule(True, "Check the network connection; the run tries again by itself."),
    ErrorClass.SERVER: ClassRule(True, "The site has trouble; the run tries again by itself."),
    ErrorClass.RATE_LIMITED: ClassRule(
        True, "The site asks to slow down; the run waits and tries again.", counts=False
    ),
    # The address of the media may have expired: once more, read anew.
    ErrorClass.FORBIDDEN: ClassRule(
        True, "The site refuses access; add cookies of a signed-in browser (--cookies) and retry.", retries=1
    ),
    ErrorClass.AUTH_REQUIRED: ClassRule(
        False, "Add a cookies file of an account that may see it (--cookies) and retry."
    ),
    ErrorClass.GEO_BLOCKED: ClassRule(False, "Not offered in this country; a proxy elsewhere (--proxy) may help."),
    ErrorClass.REMOVED: ClassRule(False, "Check the address in a browser; the video is gone or was never there."),
    ErrorClass.DRM: ClassRule(False, "Protected videos cannot be downloaded; use another source."),
    ErrorClass.UNSUPPORTED_URL: ClassRule(False, "Give the address of a page or file that plays a video."),
    ErrorClass.PRIVATE_ADDRESS: ClassRule(
        False, "Private addresses are not fetched; name the host in REPRISE_ALLOWED_HOSTS to allow it."
    ),
    ErrorClass.NOT_YET: ClassRule(
        False, "It has not been broadcast to its end yet; retry when it has.", counts=False, when_told=True
    ),
    ErrorClass.FORMAT: ClassRule(False, "Choose another format and retry."),
    ErrorClass.TOOLING: ClassRule(False, "Run ./reprise doctor; a tool is missing or too old."),
    ErrorClass.DISK_FULL: ClassRule(True, "Free some disk space; the run goes on by itself.", counts=False),
    ErrorClass.LOCAL_IO: ClassRule(False, "Check that the storage folder can be written and the file can be read."),
    ErrorClass.NOT_MEDIA: ClassRule(False, "Check the file in a player; it holds no video or sound we can read."),
    ErrorClass.TRUNCATED: ClassRule(False, "The file ends too early; get a complete copy and add that."),
    ErrorClass.NO_AUDIO: ClassRule(False, "There is nothing to transcribe; turn transcription off for this one."),
    ErrorClass.LIMIT_EXCEEDED: ClassRule(False, "Use a smaller file or raise the limit in reprise.toml."),
    ErrorClass.INPUT_LOST: ClassRule(False, "Put the file back where it was and retry, or add it again."),
    ErrorClass.MODEL_MISSING: ClassRule(
        False, "Choose an installed model, or connect to a model hub; see ./reprise doctor."
    ),
    ErrorClass.LANGUAGE_MISMATCH: ClassRule(False, "Choose a multilingual model (without .en) or set the language."),
    ErrorClass.OUT_OF_MEMORY: ClassRule(False, "Choose a smaller model or free memory, then retry."),
    ErrorClass.LLM_UNAVAILABLE: ClassRule(
        True, "The language model service does not answer; the run tries again by itself."
    ),
    ErrorClass.LLM_REFUSED: ClassRule(False, "Check the API key, the account and the model name, or use llm=offline."),
    ErrorClass.LLM_INVALID: ClassRule(
        True, "The language model answered nonsense; another model or llm=offline may help."
    ),
    ErrorClass.POSTPROCESS: ClassRule(True, "The media tool failed; see the log of the stage."),
    ErrorClass.CRASH: ClassRule(True, "The worker process died; see the log of the stage."),
    ErrorClass.UNKNOWN: ClassRule(True, "See the log of the stage.", retries=2),
}


class RepriseError(Exception):
    """Something a user can understand and act on: a stable code, one sentence, and a hint."""

    code = "internal"
    hint = "Run ./reprise doctor and look at the log."

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.hint if hint is None else hint
        self.code = self.code if code is None else code


class BadInput(RepriseError):
    """What was given cannot be used; the message says which part and why."""

    code = "bad_input"
    hint = "Correct it and try again."


class NotUsable(BadInput):
    """It can be read, and says something that nothing here means; the message names it."""

    code = "not_usable"


class TooLarge(BadInput):
    """It is more than is taken at once."""

    code = "too_large"
    hint = "Send less."


class NotFound(RepriseError):
    """There is no such run, batch or file for this user."""

    code = "not_found"
    hint = "./reprise list shows what there is."


class Refused(RepriseError):
    """The command does not fit the present state, which the message names."""

    code = "refused"
    hint = "./reprise show ID tells the state and what is possible."


class Stale(Refused):
    """It was changed since it was looked at; what was to be changed is not."""

    code = "stale"
    hint = "Look at it again, then repeat the command."


class Gone(Refused):
    """It was there for a while, and its time is over."""

    code = "gone"
    hint = "Make a new one."


class NotSignedIn(RepriseError):
    """Nobody who is known here asks."""

    code = "not_signed_in"
    hint = "Send a token: Authorization: Bearer TOKEN. ./reprise token create makes one."


class NotAllowed(RepriseError):
    """Who asks is known, and may not do this."""

    code = "not_allowed"
    hint = "Ask an administrator, or use a token of a wider scope."


class TooMany(RepriseError):
    """More than is granted for this time; after `retry_after_s` seconds it may be asked again."""

    code = "too_many"
    hint = "Wait a while, then try again."

    def __init__(self, message: str, *, retry_after_s: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class NoService(RepriseError):
    """No service runs on this storage and none could be started."""

    code = "no_service"
    hint = "Start one with ./reprise serve; its log is in the logs folder of the storage."


class Damaged(RepriseError):
    """A file is not what was written; nothing in it is believed."""

    code = "damaged"
    hint = "./reprise check explains what was found and --repair restores what can be restored."


class StorageError(RepriseError):
    """The storage folder cannot be used as it is."""

    code = "storage"
    hint = "Check REPRISE_STORAGE: the folder must exist on a local disk and be writable by this user."


class Fenced(RepriseError):
    """A newer owner took over; what this one wanted to write is refused."""

    code = "fenced"
    hint = "Another service has taken over this storage; this one stops."


class StageError(RepriseError):
    """An attempt failed for a reason of a known class; the hint defaults to the class's remedy.

    `retry_after_s` is what the other side asked for (HTTP Retry-After), in seconds.
    """

    def __init__(
        self, error_class: ErrorClass, message: str, *, hint: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, hint=CLASSES[error_class].hint if hint is None else hint, code=error_class.value)
        self.error_class = error_class
        self.retry_after_s = retry_after_s


class Stop(BaseException):
    """The attempt has to end at this unit boundary: not an error, and nothing may swallow it."""
