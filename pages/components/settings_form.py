"""The one form in which settings are chosen, drawn from the rows of `core.domain.fields`; what it holds is always whole."""

from collections.abc import Mapping
from typing import Any

import msgspec
import streamlit as st

from core.domain.advice import Around, advise
from core.domain.errors import BadInput
from core.domain.fields import FIELDS, bounds, choices, has_effect, is_whole, kind, said, sections, summed_up
from core.domain.settings import Settings, parse_settings
from pages.components import session
from pages.components.markup import Html, show, tag

Values = dict[str, Any]
# So many values, with so many letters in all, stand beside each other; more are in a list.
SHORT, LETTERS = 4, 24
FIRST_COLUMN = ("Transcript", "Quotes and summary", "Download and failures")


def draw(now: Settings, key: str, *, around: Around | None = None, columns: int = 2) -> Values:
    """The whole form, beginning with `now`; gives every setting as it is chosen at this moment.

    What has no effect beside the others is not shown and keeps its value. Advice stands under the field it is about.
    """
    values = chosen(now, key)
    advice = _advice(values, around or session.around())
    halves = st.columns(columns, gap="medium")
    for title, names in sections():
        shown = [name for name in names if has_effect(name, values)]
        if not shown:
            continue
        half = halves[0 if columns == 1 or title in FIRST_COLUMN else 1]
        with half.container(border=True, gap="small", key=f"part-{names[0]}-{key}"):
            show(tag("h3", title, cls="rp-h"))
            for name in shown:
                values[name] = _field(name, values[name], key)
                if name in advice:
                    show(*advice[name])
    if problem := advice.get(""):
        show(*problem)
    st.session_state[f"kept-{key}"] = dict(values)
    return values


def chosen(now: Settings, key: str) -> Values:
    """What is chosen in the form with this `key`, whether it is drawn already or not."""
    kept: Mapping[str, Any] = st.session_state.get(f"kept-{key}", {})
    values = {name: kept.get(name, value) for name, value in msgspec.structs.asdict(now).items()}
    return {name: _given(name, key, value) for name, value in values.items()}


def fill(settings: Settings, key: str) -> None:
    """Let the form begin anew with these settings; for a callback, or before the form is drawn."""
    forget(key)
    st.session_state[f"kept-{key}"] = msgspec.structs.asdict(settings)


def begin(key: str) -> None:
    """Let a dialog's form not remember what was chosen when it was open before."""
    st.session_state.pop(f"kept-{key}", None)  # Streamlit itself forgets the fields


def forget(key: str) -> None:
    """Forget what was chosen in the form with this `key`."""
    st.session_state.pop(f"kept-{key}", None)
    for name in FIELDS:
        st.session_state.pop(f"{name}-{key}", None)


def changed(now: Settings, chosen: Values) -> Values:
    """Those of the chosen settings that are not so already."""
    return {name: value for name, value in chosen.items() if getattr(now, name) != value}


def summary(values: Values) -> Html:
    """The line that sums the chosen settings up."""
    try:
        text = summed_up(parse_settings(values))
    except BadInput as error:
        return tag("p", error.message, cls="rp-advice", data_tone="bad")
    return tag("p", text, cls="rp-none")


def told(settings: Settings) -> Html:
    """Settings to be read, those that have an effect, a section at a time."""
    values = msgspec.structs.asdict(settings)
    parts: list[Html] = []
    for title, names in sections():
        shown = [name for name in names if has_effect(name, values)]
        rows = (part for name in shown for part in (tag("dt", FIELDS[name].label), tag("dd", said(name, values[name]))))
        parts += [tag("h3", title), tag("dl", *rows, cls="rp-facts")]
    return tag("div", *parts, cls="rp-settings")


def _given(name: str, key: str, kept: Any) -> Any:
    """The value of a field as it was last set in the browser; a field that is not shown keeps its own."""
    value = st.session_state.get(f"{name}-{key}")
    if value is None:
        return kept
    return tuple(word.strip() for word in value.split(",") if word.strip()) if kind(name) == "words" else value


def _field(name: str, value: Any, key: str) -> Any:
    """One field; gives its value."""
    field, id_ = FIELDS[name], f"{name}-{key}"
    if st.session_state.get(id_) is None:
        st.session_state[id_] = ", ".join(value) if kind(name) == "words" else value
    common: dict[str, Any] = {"key": id_, "help": field.help}
    match kind(name):
        case "switch":
            st.toggle(field.label, **common)
        case "choice":
            options = choices(name)
            options = options if value in options else (*options, value)
            words = {option: said(name, option) for option in options}
            if len(options) <= SHORT and sum(map(len, words.values())) <= LETTERS:
                st.segmented_control(field.label, options, format_func=words.__getitem__, required=True, **common)
            else:
                st.selectbox(field.label, options, format_func=words.__getitem__, **common)
        case "number":
            _number(name, field.label, field.step or 1, field.unit, common)
        case "words":
            st.text_input(field.label, placeholder="budget, climate, Anna Berg", **common)
        case "text":
            st.text_input(field.label, **common)
    return _given(name, key, value)


def _number(name: str, label: str, step: float, unit: str, common: Values) -> None:
    as_number = int if is_whole(name) else float
    within = bounds(name)
    shape = "%d" if as_number(step) == int(step) else "%.1f" if step >= 0.1 else "%.2f"
    if within is None:
        st.number_input(f"{label} ({unit})" if unit else label, step=as_number(step), format=shape, **common)
    else:
        low, high = map(as_number, within)
        st.slider(label, low, high, step=as_number(step), format=f"{shape} {unit}".strip(), **common)


def _advice(values: Values, around: Around) -> dict[str, list[Html]]:
    """The sentences by the field they stand under; under no field what makes the settings unusable."""
    try:
        settings = parse_settings(values)
    except BadInput as error:
        return {"": [tag("p", error.message, cls="rp-advice", data_tone="bad")]}
    found: dict[str, list[Html]] = {}
    for one in advise(settings, around):
        place = one.name if has_effect(one.name, values) else ""
        line = tag("p", one.said, cls="rp-advice", data_tone="bad" if one.fails else "warn")
        found.setdefault(place, []).append(line)
    return found
