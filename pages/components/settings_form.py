"""The fields in which the settings of a batch or of one run are chosen."""

from typing import Any

import streamlit as st

from core.domain.settings import MODELS, Settings

LANGUAGES = ("auto", "en", "de", "fr", "es", "it", "pt", "nl", "pl", "ja", "zh")
LLM = {
    "auto": "Automatic",
    "offline": "On this machine, by extraction",
    "openai-compatible": "The configured language model",
}
FORMATS = {"best": "Best", "1080p": "1080p", "720p": "720p", "audio": "Sound only"}


def how(now: Settings, key: str) -> dict[str, Any]:
    """How it is made: model, language, who writes quotes and summary, what is downloaded."""
    languages = LANGUAGES if now.language in LANGUAGES else (*LANGUAGES, now.language)
    models = ("auto", *MODELS) if now.model in ("auto", *MODELS) else ("auto", *MODELS, now.model)
    model = st.selectbox(
        "Speech model",
        models,
        index=models.index(now.model),
        key=f"model-{key}",
        help="Automatic takes the best installed one.",
    )
    language = st.selectbox(
        "Language", languages, index=languages.index(now.language), key=f"language-{key}", accept_new_options=True
    )
    llm = st.selectbox(
        "Quotes and summary by",
        tuple(LLM),
        index=tuple(LLM).index(now.llm),
        format_func=LLM.__getitem__,
        key=f"llm-{key}",
    )
    format_ = st.selectbox(
        "Download",
        tuple(FORMATS),
        index=tuple(FORMATS).index(now.format),
        format_func=FORMATS.__getitem__,
        key=f"format-{key}",
    )
    return {"model": model, "language": language, "llm": llm, "format": format_}


def what(now: Settings, key: str) -> dict[str, Any]:
    """What is made, and what happens when it does not work."""
    retries = st.slider("Tries again by itself", 0, 10, now.max_retries, key=f"retries-{key}")
    hold = st.toggle("Hold a run for me when all tries failed", now.on_exhausted == "hold", key=f"hold-{key}")
    quotes = st.toggle("Quotes", now.quotes, key=f"quotes-{key}")
    summary = st.toggle("Summary", now.summary, key=f"summary-{key}")
    return {
        "max_retries": retries,
        "on_exhausted": "hold" if hold else "fail",
        "quotes": quotes,
        "summary": summary,
    }


def changed(now: Settings, chosen: dict[str, Any]) -> dict[str, Any]:
    """Those of the chosen settings that are not so already."""
    return {name: value for name, value in chosen.items() if getattr(now, name) != value}
