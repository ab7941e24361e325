"""Everything about exports for one caller: the dashboard, the command line, and what answers their links."""

from dataclasses import dataclass

from core.manager.access import EVERYTHING, Gate
from core.manager.exports.asking import Asking
from core.manager.exports.fetching import Fetching
from core.manager.exports.shelf import ExportShelf
from core.manager.exports.views import ExportViews
from core.manager.index import Index
from core.manager.links import Links
from core.manager.writer import Writer
from core.store.artifacts import Artifacts
from core.store.state import StateStore


@dataclass(frozen=True)
class Exports:
    """Ask for one, look at them, fetch one."""

    asking: Asking
    views: ExportViews
    fetching: Fetching
    shelf: ExportShelf


def open_exports(
    index: Index,
    writer: Writer,
    store: StateStore,
    artifacts: Artifacts,
    kept_s: float,
    shelf: ExportShelf | None = None,
    gate: Gate = EVERYTHING,
) -> Exports:
    """Exports on an opened storage; they can be fetched for `kept_s` seconds. `shelf` are those there are for the actor."""
    clock, layout, shelf = store.clock, store.layout, shelf or ExportShelf(store)
    links = Links(layout.link_key())
    fetching = Fetching(index=index, layout=layout, artifacts=artifacts, shelf=shelf, links=links, clock=clock)
    return Exports(
        asking=Asking(
            index=index,
            writer=writer,
            store=store,
            artifacts=artifacts,
            shelf=shelf,
            clock=clock,
            kept_s=kept_s,
            gate=gate,
        ),
        views=ExportViews(index=index, layout=layout, shelf=shelf, fetching=fetching, clock=clock),
        fetching=fetching,
        shelf=shelf,
    )
