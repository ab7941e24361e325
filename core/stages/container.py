"""Which kind of media file some bytes begin: judged by content alone, from a short list of containers."""

from pathlib import Path

import msgspec

from core.domain.errors import ErrorClass, StageError

HEAD_BYTES = 4096


class Container(msgspec.Struct, frozen=True):
    """A container we open: our name, the one demuxer that may read it, the suffix its files get, and whether what it
    declares of its length can be held against what it contains."""

    name: str
    demuxer: str
    suffix: str
    declares_length: bool


MP4 = Container("mp4", "mov", "mp4", True)
MOV = Container("mov", "mov", "mov", True)
MKV = Container("matroska", "matroska", "mkv", True)
WEBM = Container("webm", "matroska", "webm", True)
AVI = Container("avi", "avi", "avi", True)
WAV = Container("wav", "wav", "wav", True)
FLAC = Container("flac", "flac", "flac", True)
MP3 = Container("mp3", "mp3", "mp3", False)
AAC = Container("aac", "aac", "aac", False)
OGG = Container("ogg", "ogg", "ogg", False)
TS = Container("mpegts", "mpegts", "ts", False)

SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4a",
        ".m4v",
        ".mov",
        ".3gp",
        ".mkv",
        ".webm",
        ".mka",
        ".avi",
        ".mp3",
        ".aac",
        ".wav",
        ".flac",
        ".ogg",
        ".oga",
        ".ogv",
        ".opus",
        ".ts",
        ".m2ts",
        ".mts",
    ]
)
_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"})


def sniff(head: bytes) -> Container | None:
    """The container that `head` (the first bytes of a file) begins, or None when it is none of ours."""
    if head[4:8] in _ATOMS:
        return MOV if head[8:12] == b"qt  " or head[4:8] in (b"moov", b"wide", b"pnot") else MP4
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return WEBM if b"webm" in head[:64] else MKV
    if head[:4] in (b"RIFF", b"RF64"):
        return {b"AVI ": AVI, b"WAVE": WAV}.get(head[8:12])
    for magic, kind in ((b"fLaC", FLAC), (b"OggS", OGG), (b"ID3", MP3)):
        if head.startswith(magic):
            return kind
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return AAC
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[2] & 0xF0 != 0xF0:
        return MP3
    for start, step in ((0, 188), (4, 192)):
        if head[start : start + 1] == b"G" and all(head[at : at + 1] == b"G" for at in range(start, len(head), step)):
            return TS if len(head) > start + 2 * step else None
    return None


def describe_other(head: bytes) -> str:
    """What a file that is no media file of ours is, in words for “It is …”."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "an empty file"
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")) or b"<html" in text[:1024]:
        return "a web page"
    if text.startswith((b"#extm3u", b"ffconcat", b"#!ffconcat", b"[playlist]", b"<?xml", b"<mpd")):
        return "a playlist or a description, not the video itself"
    if text.startswith((b"pk\x03\x04", b"\x1f\x8b", b"rar!", b"7z\xbc\xaf")):
        return "an archive"
    if text.startswith((b"\x89png", b"\xff\xd8\xff", b"gif8", b"%pdf")):
        return "a picture or a document"
    if text.startswith((b"flv\x01", b"\x30\x26\xb2\x75", b"\x00\x00\x01\xba", b".rmf")):
        return "in a video format that is not accepted (convert it to MP4)"
    try:
        sample = head[:-3].decode("utf-8") if len(head) >= HEAD_BYTES else head.decode("utf-8")
    except UnicodeDecodeError:
        return "in no format we know"
    return "plain text" if "\0" not in sample else "in no format we know"


def recognise(path: Path) -> Container:
    """The container of the file `path`; raises `StageError(NOT_MEDIA)` that says what it is instead."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    container = sniff(head)
    if container is None:
        raise StageError(ErrorClass.NOT_MEDIA, f"The file holds no video or sound: it is {describe_other(head)}.")
    return container
