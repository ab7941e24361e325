"""What belongs to the sources of a new batch beside their names: lists, transcripts, archives, and the inbox."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.domain.batch import MAX_RUNS
from core.domain.errors import RepriseError
from core.manager.inbox import Waiting, look_into
from pages.components import session, words
from pages.components.markup import join, show, tag

ARCHIVED = {"skip": "Leave out what is in it", "add": "Add what is in it"}


def draw(key: str, *, has_archive: bool) -> None:
    """The choices; all have defaults that suit most."""
    if has_archive:
        st.radio(
            "The archive of yt-dlp",
            tuple(ARCHIVED),
            format_func=ARCHIVED.__getitem__,
            key=f"archived-{key}",
            horizontal=True,
        )
    with st.expander("More about the sources"):
        first, second = st.columns(2, gap="medium")
        first.number_input(
            "Videos of a playlist, at most", 1, MAX_RUNS, MAX_RUNS, key=f"list-{key}", help="Of each list or channel."
        )
        second.toggle(
            "Take transcripts that lie beside files",
            True,
            key=f"sidecars-{key}",
            help="talk.srt, talk.en.vtt or Whisper's talk.json beside talk.mp4 is taken instead of transcribing.",
        )
        try:
            inbox(session.read("inbox", _inbox))
        except RepriseError as error:  # a folder of one's own may be on a disk that is away, or another user's
            show(tag("div", tag("p", error.message), cls="rp-note", data_tone="warn"))


def chosen(key: str, sources: str, uploaded: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The fields of a submission that say where everything comes from."""
    of = {kind: [one["path"] for one in uploaded if one["kind"] == kind] for kind in ("media", "transcript", "archive")}
    return {
        "sources": tuple([line.strip() for line in sources.splitlines() if line.strip()] + of["media"]),
        "transcripts": tuple(of["transcript"]),
        "archive": of["archive"][-1] if of["archive"] else None,
        "archived": st.session_state.get(f"archived-{key}", "skip"),
        "playlist_limit": st.session_state.get(f"list-{key}", MAX_RUNS),
        "sidecars": st.session_state.get(f"sidecars-{key}", True),
    }


def inbox(found: Waiting) -> None:
    """Where files can be put to become runs by themselves, and what became of those that were."""
    told = [words.count(len(found.growing), "file") + " still coming in" if found.growing else ""]
    told.append(f"{words.count(found.taken, 'file')} taken" if found.taken else "")
    said = "; ".join(part for part in told if part) or "empty"
    show(
        tag(
            "p",
            "Whatever is put into this folder becomes a run by itself, once it has stopped growing:",
            cls="rp-upload-said",
        ),
        tag(
            "div",
            *[tag("p", tag("span", folder, cls="rp-mono")) for folder in found.folders],
            tag("p", said, cls="rp-upload-said"),
        ),
    )
    for why in list(found.refused.values())[:5]:
        show(tag("div", tag("p", why), cls="rp-note", data_tone="warn"))
    if len(found.refused) > 5:
        show(
            tag(
                "p",
                join(["and", words.count(len(found.refused) - 5, "more file"), "not taken"], " "),
                cls="rp-upload-said",
            )
        )


def _inbox() -> Waiting:
    storage = session.manager().storage
    return look_into(storage.layout, storage.config.inbox)
