"""What the last digits of scores depend on beside weights and samples: library versions and the kind of processor."""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("faster-whisper", "ctranslate2", "onnxruntime", "tokenizers", "numpy")
# Flags that decide which kernels run; the same weights give other last digits on another set.
CPU_FLAGS = frozenset({"sse4_1", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "asimd"})


def environment() -> dict[str, str]:
    """Versions by library, and `cpu`: a plan made in another environment is not resumed but made anew."""
    return {**{library: _version(library) for library in LIBRARIES}, "cpu": _cpu()}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"


def _cpu() -> str:
    name, flags = os.uname().machine, set[str]()
    for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        elif key.strip() in ("flags", "Features"):
            flags |= CPU_FLAGS & set(value.split())
        elif not line.strip():
            break
    return f"{name} ({' '.join(sorted(flags))})"
