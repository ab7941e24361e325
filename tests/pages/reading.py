"""Reading what a page drew: its HTML, and the rows that were given to its lists."""

import json
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Html


def html(page: AppTest) -> str:
    """All HTML that our own builder put on the page, without the style sheet."""
    bodies = [str(element.value) for element in page.get("html") if isinstance(element, Html)]
    return "\n".join(body for body in bodies if not body.startswith("<style>"))


def components(page: AppTest, name: str) -> list[dict[str, Any]]:
    """What the components of this name were given, in the order of the page."""
    protos = [element.proto for element in page.get("bidi_component")]
    return [json.loads(proto.json) for proto in protos if proto.component_name == f"reprise.{name}"]


def rows(page: AppTest, label: str) -> list[dict[str, Any]]:
    """The rows of the list with this label."""
    found: list[dict[str, Any]] = next(given["rows"] for given in components(page, "rows") if given["label"] == label)
    return found


def labels(page: AppTest) -> set[str]:
    """The buttons that can be pressed."""
    return {button.label for button in page.button}


def press(page: AppTest, label: str) -> AppTest:
    """Press the button with this label."""
    return next(button for button in page.button if button.label == label).click().run()


def told(page: AppTest, name: str, label: str | None = None) -> dict[str, Any]:
    """What the first component of this name (and label) was given."""
    return next(given for given in components(page, name) if label in (None, given.get("label")))


def tell(page: AppTest, name: str, event: str, value: object, *, label: str | None = None) -> AppTest:
    """Say what the browser's half of a component would say; Streamlit's test runner has no word for that yet."""
    protos = [element.proto for element in page.get("bidi_component")]
    proto = next(
        proto
        for proto in protos
        if proto.component_name == f"reprise.{name}" and label in (None, json.loads(proto.json).get("label"))
    )
    states = page._tree.get_widget_states()
    payload = json.dumps([{"event": event, "value": value}])
    states.widgets.append(WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{proto.id}__events", json_trigger_value=payload))
    return page._run(states)


def toasts(page: AppTest) -> str:
    """Everything that was said in passing."""
    return "\n".join(toast.value for toast in page.toast)
