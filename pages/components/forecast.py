"""What a new batch would be, before it is started."""

import streamlit as st

from core.domain.errors import RepriseError
from core.manager.preflight import Forecast, Look, Preflight
from core.manager.submission import Submission
from pages.components import session, words
from pages.components.markup import Html, show, tag


def draw(key: str, wanted: Submission, *, asked: bool) -> None:
    """Look when that was asked for, and show what was found as long as the sources are the same."""
    if asked:
        try:
            with st.spinner("Looking at the sources…"):
                found: Forecast | RepriseError = Preflight(session.manager().storage, session.manager().reach).look(
                    wanted
                )
        except RepriseError as error:
            found = error
        st.session_state[f"forecast-{key}"] = (_of(wanted), found)
    of, known = st.session_state.get(f"forecast-{key}", ("", None))
    if known is None or of != _of(wanted):
        return
    if isinstance(known, RepriseError):
        show(tag("div", tag("b", known.message), tag("p", known.hint), cls="rp-note", data_tone="bad"))
    else:
        tell(known)


def tell(found: Forecast) -> None:
    """The totals, then a line for each source."""
    show(tag("div", *_totals(found), cls="rp-note", data_tone="good" if found.fits else "bad"))
    if found.looks:
        show(tag("ul", *[_line(look) for look in found.looks], cls="rp-forecast", aria_label="What the sources are"))
    for one in found.rejected:
        said = tag("p", tag("b", one.message), " ", one.hint)
        show(tag("div", tag("span", one.source, cls="rp-mono"), said, cls="rp-note", data_tone="bad"))


def _totals(found: Forecast) -> list[Html]:
    first = [words.count(len(found.looks), "source")]
    first += [words.duration(found.duration_s)] if found.duration_s else []
    first += [words.size(found.size)] if found.size else []
    first += [f"{found.unknown} of unknown size or length"] if found.unknown else []
    disk = f"About {words.size(found.needed_bytes)} of {words.size(found.free_bytes)} that are free on the disk"
    time = "How long it takes is known once a run with such settings was finished"
    if found.eta is not None:
        time = f"Done in {words.duration(found.eta.low_s)} to {words.duration(found.eta.high_s)} of work"
    fits = disk if found.fits else f"It does not fit on the disk. {disk}"
    return [tag("b", " · ".join(first)), tag("p", f"{fits}. {time}.")]


def _line(look: Look) -> Html:
    told = [f"a list of {words.count(look.videos, 'video')}"] if look.videos is not None else []
    told += [words.duration(look.duration_s)] if look.duration_s is not None else []
    told += [words.size(look.size)] if look.size is not None else []
    told += [f"with {look.transcript}"] if look.transcript else []
    told += ["done before: what is the same is taken over"] if look.before else []
    told += [look.problem] if look.problem else []
    return tag("li", tag("span", look.title, cls="rp-upload-name"), tag("span", " · ".join(told), cls="rp-upload-said"))


def _of(wanted: Submission) -> str:
    return repr(
        (wanted.sources, wanted.transcripts, wanted.archive, wanted.archived, wanted.settings, wanted.playlist_limit)
    )
