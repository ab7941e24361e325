"""The dialog that exports a batch: what goes into it, how large it will be, then how far it is, and the file."""

from typing import Any

import streamlit as st

from core.domain.errors import RepriseError
from core.domain.exports import DEFAULT_PATTERN, ExportOptions, parse_options
from core.domain.package_names import FIELDS
from core.domain.states import Phase
from core.manager.exports.asking import Plan
from pages.components import banners, export_rows, session, words
from pages.components.live import listen
from pages.components.markup import Html, join, literal, show, tag

FORMATS = {
    "zip": ("Separate files (ZIP)", "Every video as it is, in one ZIP."),
    "merged": ("One merged video", "All videos one after another, in one size and format."),
    "playlist": ("Playlist (M3U8)", "A small file that lets a player show all of them from this machine."),
}
NAMES = {"pattern": "Numbered", "original": "As they were called", "own": "Own pattern"}
SHOWN = 3


def open_for(batch_id: str) -> None:
    """Open it, at its beginning."""
    st.session_state.pop(_made(batch_id), None)
    ask(batch_id)


@st.dialog("Export", width="medium")
def ask(batch_id: str) -> None:
    """Choose and export; then watch it being made, and fetch it."""
    export_id = st.session_state.get(_made(batch_id))
    if export_id is None:
        choose(batch_id)
    else:
        watch(batch_id, export_id)


def choose(batch_id: str) -> None:
    """What is to be in it."""
    listen("export-choose", f"batch:{batch_id}")
    asking = session.manager().exports.asking
    format_ = st.radio(
        "Format",
        tuple(FORMATS),
        format_func=lambda name: FORMATS[name][0],
        captions=[FORMATS[name][1] for name in FORMATS],
        key="export-format",
    )
    try:
        options = parse_options({"format": format_, **_contents(batch_id, format_)})
        plan = asking.plan(batch_id, options)
    except RepriseError as error:
        show(banners.note(error.message, error.hint))
        return
    partial = True
    if plan.unfinished:
        many = words.count(plan.unfinished, "video is", "videos are")
        partial = st.checkbox(f"Take what is finished; {many} still being worked on", key="export-partial")
    show(preview(plan, by_name=format_ == "zip"))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Close", key="export-close"):
            st.rerun()
        if st.button(
            "Export",
            key="export-now",
            type="primary",
            icon=":material/archive:",
            disabled=bool(plan.refusal) or not partial,
        ):
            begin(batch_id, options, partial=partial)


def begin(batch_id: str, options: ExportOptions, *, partial: bool) -> None:
    """Ask for the export, and go on to watch it."""
    manager = session.manager()
    try:
        record, _ = manager.exports.asking.ask(batch_id, options, by=manager.actor, partial=partial)
    except RepriseError as error:
        st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
        return
    st.session_state[_made(batch_id)] = record.export_id
    session.redraw()


def watch(batch_id: str, export_id: str) -> None:
    """How far it is; when it is ready, the file."""
    listen("export-watch", f"export:{export_id}", "pool", anyway_s=2)
    one = session.manager().exports.views.one(export_id)
    show(export_rows.row(one, session.now()))
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if st.button("Other settings", key="export-other"):
            st.session_state.pop(_made(batch_id), None)
            session.redraw()
        if one["status"] in ("queued", "running"):
            if st.button("Cancel export", key="export-cancel", icon=":material/close:"):
                export_rows.cancel(export_id)
                session.redraw()
        elif one["status"] == "ready":
            show(export_rows.fetch(one))
        elif st.button("Try again", key="export-retry", type="primary", icon=":material/refresh:"):
            record = session.manager().exports.shelf.get(export_id)
            begin(batch_id, record.options, partial=True)


def preview(plan: Plan, *, by_name: bool) -> Html:
    """What comes out: how many, how long, how large, how the files are called, and what is not in it."""
    if plan.refusal:
        return banners.note(plan.refusal, "Finished videos can be exported.")
    size = "" if plan.size is None else f"{'' if plan.exact else 'about '}{words.size(plan.size)}"
    facts = join([words.count(len(plan.videos), "video"), words.duration(plan.duration_s), size])
    names = [member.name if by_name else member.title for member in plan.members if member.kind != "note"]
    more = [tag("li", f"… and {len(names) - SHOWN} more")] if len(names) > SHOWN else []
    listed = tag("ul", *(tag("li", name) for name in names[:SHOWN]), *more, cls="rp-mono" if by_name else None)
    lost = [missing for missing in plan.missing if missing.lost]
    said = [f"{missing.title}: {missing.why}" for missing in (lost or plan.missing)[: SHOWN + 2]]
    rest = len(plan.missing) - len(said)
    lacking = tag(
        "div",
        tag("span", "Not in it"),
        tag("ul", *(tag("li", line) for line in said), *([tag("li", f"… and {rest} more")] if rest > 0 else [])),
        data_tone="bad" if lost else "calm",
        cls="rp-lacking",
    )
    return tag("div", tag("b", plan.name), tag("p", facts), listed, lacking if plan.missing else None, cls="rp-package")


def _contents(batch_id: str, format_: str) -> dict[str, Any]:
    """What goes in and how it is called; of a ZIP there is more to say."""
    runs = session.manager().storage.index.runs_of(batch_id)
    chosen: dict[str, Any] = {}
    if format_ == "zip":
        names = st.segmented_control(
            "File names", tuple(NAMES), default="pattern", format_func=NAMES.__getitem__, key="export-names"
        )
        if names == "own":
            chosen["pattern"] = (
                st.text_input(
                    "Pattern",
                    DEFAULT_PATTERN,
                    max_chars=200,
                    key="export-pattern",
                    help=f"Of {', '.join(f'{{{name}}}' for name in FIELDS)}; the ending is added.",
                )
                or DEFAULT_PATTERN
            )
        chosen["original_names"] = names == "original"
        chosen["prefix"] = st.toggle("Batch name before each name", key="export-prefix")
        show(tag("p", "Also", cls="rp-label"))
        with st.container(horizontal=True, gap="medium"):
            for option, label in (("transcripts", "Transcripts"), ("summaries", "Summaries"), ("quotes", "Quotes")):
                chosen[option] = st.toggle(label, key=f"export-{option}")
    failed = sum(run.phase in (Phase.FAILED, Phase.CANCELLED) for run in runs)
    if failed:
        chosen["include_failed"] = st.toggle(
            f"Videos of runs that failed or were cancelled ({failed})", key="export-failed"
        )
    return chosen


def _made(batch_id: str) -> str:
    return f"export-made-{batch_id}"
