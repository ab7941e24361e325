"""`/metrics` for Prometheus: the whole in numbers. No label names a run, a batch, a host, a path or a person."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from core import __version__
from core.api.caller import Token, manager_of
from core.api.process import Process, current
from core.domain.access import Scope
from core.domain.errors import ErrorClass
from core.domain.states import TERMINAL, AttemptOutcome, BatchPhase, Phase
from core.domain.totals import Histogram
from core.manager.figures import Now
from core.system.network import is_this_machine

if TYPE_CHECKING:
    from prometheus_client import Metric

router = APIRouter(tags=["health"])
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def allowed(request: Request, token: Token) -> None:
    """Any token will do, since all of it is numbers; none is needed on this machine if the configuration says so.

    What was passed on by a proxy comes from this machine too, and needs a token all the same.
    """
    del token
    home = request.client is not None and is_this_machine(request.client.host)
    if current().config.metrics_open and home and not any(name in request.headers for name in FORWARDED):
        return
    manager_of(request, Scope.READ)


@router.get(
    "/metrics",
    summary="What Prometheus collects",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "In the format that was asked for."}},
)
def metrics(request: Request, _: Annotated[None, Depends(allowed)]) -> Response:
    """Counters grow from the start of this process on; everything else is as it is now."""
    content, kind = told(current(), request.headers.get("accept", ""))
    return Response(content, media_type=kind)


def told(process: Process, accept: str) -> tuple[bytes, str]:
    """Everything in the form that the scraper prefers, and what that form is called. Raises `OSError`, `StorageError`."""
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Exposition(process))
    ProcessCollector(registry=registry)
    encode, kind = choose_encoder(accept)
    with process.figures.lock:
        return encode(registry), kind


class Exposition:
    """The figures of a process as metric families, read once for each scrape."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def collect(self) -> "Iterator[Metric]":
        """Every family."""
        now = self._process.figures.now()
        yield from _present(now)
        yield from _workers(now)
        yield from self._past()
        yield from self._requests()

    def _past(self) -> "Iterator[Metric]":
        totals, stages = self._process.figures.totals, dict.fromkeys(self._process.figures.stages, 0)
        attempts = {(stage, str(outcome)): 0 for stage in stages for outcome in AttemptOutcome} | totals.attempts
        yield _counter("reprise_attempts", "Attempts that ended.", attempts, "stage", "outcome")
        errors = dict.fromkeys(map(str, ErrorClass), 0) | totals.errors
        yield _counter("reprise_errors", "Attempts that ended with an error.", errors, "class")
        said = "Attempts made because the one before failed."
        yield _counter("reprise_retries", said, stages | totals.retries, "stage")
        yield _counter("reprise_stalls", "Attempts found to make nothing new.", stages | totals.stalls, "stage")
        said = "Attempts taken up again after a crash or a stall."
        yield _counter("reprise_recoveries", said, {"crash": 0, "stall": 0} | totals.recoveries, "of")
        said = "Work of finished stages in their units: done, taken over, and made a second time."
        yield _counter("reprise_work", said, totals.work, "stage", "unit", "how")
        finished = dict.fromkeys(map(str, TERMINAL), 0) | totals.finished
        yield _counter("reprise_runs_finished", "Runs that came to an end.", finished, "phase")
        yield _counter("reprise_media_seconds", "Length of the media of these runs.", {(): totals.media_s})
        yield _histogram("reprise_stage_seconds", "How long a stage worked that finished.", totals.stage_s, "stage")

    def _requests(self) -> "Iterator[Metric]":
        traffic = self._process.traffic
        yield _gauge("reprise_http_open", "Requests that are being answered.", {(): traffic.open})
        requests = {
            (method, route, str(status)): count for (method, route, status), count in [*traffic.requests.items()]
        }
        yield _counter("reprise_http_requests", "Requests answered.", requests, "method", "route", "status")
        seconds = dict(traffic.seconds)
        yield _histogram("reprise_http_seconds", "How long it took to the last byte.", seconds, "route")


def _present(now: Now) -> "Iterator[Metric]":
    yield _gauge("reprise_build_info", "The version.", {__version__: 1}, "version")
    yield _gauge("reprise_runs", "Runs by phase.", dict.fromkeys(map(str, Phase), 0) | now.runs, "phase")
    yield _gauge("reprise_batches", "Batches by phase.", dict.fromkeys(map(str, BatchPhase), 0) | now.batches, "phase")
    flags = dict.fromkeys(("stalled", "slow", "attention", "damaged"), 0) | now.flags
    yield _gauge("reprise_runs_flagged", "Runs that stand out.", flags, "flag")
    lanes = now.lanes.items()
    yield _gauge("reprise_lane_slots", "How many may work.", {name: one.size for name, one in lanes}, "lane")
    yield _gauge("reprise_lane_busy", "How many work.", {name: one.busy for name, one in lanes}, "lane")
    yield _gauge("reprise_queue_runs", "Runs that wait for a slot.", {name: one.waiting for name, one in lanes}, "lane")
    ages = {name: one.oldest_s for name, one in lanes}
    yield _gauge("reprise_queue_age_seconds", "For how long the first of them waits.", ages, "lane")
    yield _gauge("reprise_breakers", "What is in trouble outside.", now.breakers, "of", "state")
    yield _gauge("reprise_paused", "Whether everything is paused.", {(): now.paused})
    yield _gauge("reprise_disk_free_bytes", "Free space of the storage.", {(): now.disk_free})
    yield _gauge("reprise_disk_size_bytes", "Size of its file system.", {(): now.disk_size})
    yield _gauge("reprise_disk_needed_bytes", "Below this nothing is started.", {(): now.disk_needed})
    yield _gauge("reprise_disk_held", "Whether work stands still for want of space.", {(): now.disk_held})
    yield _gauge("reprise_service_up", "Whether a service holds the storage.", {(): now.service_alive})
    yield _gauge("reprise_service_epoch", "How many services there were.", {(): now.epoch})
    age = {} if now.turn_age_s is None else {(): now.turn_age_s}
    yield _gauge("reprise_service_turn_age_seconds", "How long ago the service took its last turn.", age)


def _workers(now: Now) -> "Iterator[Metric]":
    memory, number = dict.fromkeys(now.lanes, 0), dict.fromkeys(now.lanes, 0)
    for one in now.workers:
        memory[one.lane] = memory.get(one.lane, 0) + one.memory_bytes
        number[one.lane] = number.get(one.lane, 0) + 1
    yield _gauge("reprise_workers", "Worker processes.", number, "lane")
    yield _gauge("reprise_worker_memory_bytes", "Resident memory of workers and their tools.", memory, "lane")
    yield _counter("reprise_worker_cpu_seconds", "Processor time of workers and their tools.", now.spent_s, "lane")


def _gauge(name: str, said: str, values: Mapping[Any, float], *labels: str) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    return _filled(GaugeMetricFamily(name, said, labels=labels), values)


def _counter(name: str, said: str, values: Mapping[Any, float], *labels: str) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    return _filled(CounterMetricFamily(name, said, labels=labels), values)


def _filled(family: Any, values: Mapping[Any, float]) -> "Metric":
    """`values` by the one label, or by all of them."""
    for labels, value in sorted(values.items()):
        family.add_metric([labels] if isinstance(labels, str) else list(labels), float(value))
    filled: Metric = family
    return filled


def _histogram(name: str, said: str, histograms: Mapping[str, Histogram], label: str) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(name, said, labels=[label])
    for value, one in sorted(histograms.items()):
        family.add_metric([value], one.cumulative(), one.sum)
    return family
