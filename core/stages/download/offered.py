"""What a site offers beside one video: the entries of a list, and subtitles; inside the download process."""

import re
from pathlib import Path
from typing import Any

from yt_dlp import YoutubeDL
from yt_dlp.networking import Request
from yt_dlp.utils import unsmuggle_url

from core.stages.download.options import Emit, Task

MAX_BYTES = 20 * 10**6
SUFFIXES = ("vtt", "srt")


def tell_playlist(info: dict[str, Any], task: Task, emit: Emit) -> None:
    """Tell the entries of a list that may be videos, at most as many as are wanted."""
    entries: list[dict[str, str]] = []
    for entry in info.get("entries") or ():
        if entry is None or len(entries) >= task.playlist_limit:
            continue
        url = _entry_url(entry)
        if url is not None:
            entries.append({"url": url, "title": str(entry.get("title") or "")})
    total = info.get("playlist_count")
    emit(
        "playlist", title=str(info.get("title") or ""), entries=entries, total=total if isinstance(total, int) else None
    )


def _entry_url(entry: dict[str, Any]) -> str | None:
    formats = entry.get("formats") or [{}]
    for url in (entry.get("url"), formats[-1].get("url"), entry.get("webpage_url")):
        if isinstance(url, str):
            plain, _ = unsmuggle_url(url)
            if re.match(r"https?://", plain):
                return str(plain)
    return None


def fetch_subtitles(info: dict[str, Any], task: Task, fetcher: YoutubeDL, emit: Emit) -> None:
    """Fetch the subtitles that are wanted, if there are any; whatever goes wrong is a warning."""
    if task.subtitles == "never":
        return
    try:
        chosen = choose(info, task.subtitles, task.language)
        if chosen is None:
            return
        kind, tag, form = chosen
        body = form["data"].encode() if isinstance(form.get("data"), str) else _page(fetcher, form)
        if len(body) > MAX_BYTES:
            raise ValueError(f"they have more than {MAX_BYTES} bytes")
        name = f"subtitles.{form['ext']}"
        Path(task.work, name).write_bytes(body)
        emit("subtitles", name=name, kind=kind, language=tag.removesuffix("-orig").partition("-")[0].lower())
    except Exception as error:  # noqa: BLE001 - nothing about subtitles is worth a video
        emit("warning", text=f"the subtitles cannot be fetched: {error}")


def _page(fetcher: YoutubeDL, form: dict[str, Any]) -> bytes:
    return bytes(fetcher.urlopen(Request(form["url"], headers=form.get("http_headers") or {})).read(MAX_BYTES + 1))


def choose(info: dict[str, Any], wanted: str, language: str) -> tuple[str, str, dict[str, Any]] | None:
    """Of what yt-dlp says a video has: kind, language and format of the subtitles to take; None if none will do.

    `wanted` is `manual` or `any`; `language` a code, or `auto` for that of the video.
    """
    spoken = str(info.get("language") or "") if language == "auto" else language
    for kind, name in (("manual", "subtitles"), ("auto", "automatic_captions")):
        offered = info.get(name) if wanted == "any" or kind == "manual" else None
        if not isinstance(offered, dict):
            continue
        usable = {tag: form for tag, forms in offered.items() if (form := _format(forms)) is not None}
        tag = _tag(list(usable), spoken, is_translated=kind == "auto", strict=language != "auto")
        if tag is not None:
            return kind, tag, usable[tag]
    return None


def _format(forms: Any) -> dict[str, Any] | None:
    for suffix in SUFFIXES:
        for form in forms if isinstance(forms, list) else ():
            is_ours = isinstance(form, dict) and form.get("ext") == suffix
            if is_ours and (
                isinstance(form.get("data"), str) or str(form.get("url")).startswith(("http://", "https://"))
            ):
                return dict(form)
    return None


def _tag(tags: list[str], spoken: str, *, is_translated: bool, strict: bool) -> str | None:
    """That of what is spoken; of translations by a machine none, of others rather English, then the only one."""
    short = spoken.partition("-")[0].lower()
    for tag in tags:
        if spoken and tag.removesuffix("-orig").partition("-")[0].lower() == short:
            return tag
    if strict or spoken:
        return None
    original = [tag for tag in tags if tag.endswith("-orig")]
    if original:
        return original[0]
    english = [tag for tag in tags if tag.partition("-")[0].lower() == "en"]
    if len(tags) == 1 or (english and not is_translated):
        return (english or tags)[0]
    return None
