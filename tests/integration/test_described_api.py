"""Schemathesis asks the API whatever its own description allows, and what it does not: nothing breaks, every answer is as described."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig

from core.api import process
from core.api.app import build_app
from core.api.process import current
from core.domain.access import Scope
from core.manager.tokens import Wrong
from tests.support.showcase import Showcase
from tests.support.showcase_week import busy_week

# So many requests of each kind for each operation: well below a minute for all of them on two cores.
EXAMPLES = 20
LIMITED = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
APP = build_app()
# What the description cannot say (a name that is no model's, a version that somebody changed) is refused as well.
CONFIG = {"checks": {"positive_data_acceptance": {"enabled": False}}}
SCHEMA = schemathesis.openapi.from_dict(APP.openapi(), config=SchemathesisConfig.from_dict(CONFIG))
SCHEMA.app = APP
ALL = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
# A stream of events has no end; tests/unit/api/test_progress.py listens to it.
OPERATIONS = {label: one for label, one in ALL.items() if "text/event-stream" not in str(one.definition.raw)}
# Unknown parameters are refused where there are many, and unknown fields everywhere.
TAKING = [
    label
    for label, one in OPERATIONS.items()
    if "requestBody" in one.definition.raw or label in ("GET /api/batch-jobs", "GET /api/runs")
]
EVERY = [(label, GenerationMode.POSITIVE) for label in OPERATIONS] + [
    (label, GenerationMode.NEGATIVE) for label in TAKING
]


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    """A busy week that no service changes."""
    folder = tmp_path_factory.mktemp("described") / "storage"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRISE_STORAGE", str(folder))
        patch.setenv("REPRISE_FREE_SPACE_BYTES", "0")
        patch.setattr(Wrong, "MOST", 10**9)  # wrong tokens are sent for each request
        process.close()
        made = busy_week(folder)
        made.hold()
        yield made
        process.close()
        made.close()


@pytest.fixture(scope="module")
def ids(week: Showcase) -> dict[str, list[str]]:
    """What is there, by the names that paths have for it."""
    del week
    index, receiving = current().manager.storage.index, current().manager.receiving
    return {
        "batch_id": sorted(index.batches),
        "job_id": sorted(index.batches),
        "run_id": sorted(index.runs),
        "id": [receiving.begin(f"{number}.mp4", 5000).id for number in range(3)],
    }


@pytest.fixture(scope="module")
def tokens(week: Showcase) -> dict[Scope, str]:
    """One for each scope."""
    del week
    tokens = current().manager.tokens
    made = {scope: tokens.create(scope, owner="anna", scope=scope).token for scope in (Scope.READ, Scope.OPERATE)}
    return {**made, Scope.ADMIN: tokens.first()}


def asked(
    label: str, mode: GenerationMode, ids: dict[str, list[str]], token: str | None, examples: int = EXAMPLES
) -> None:
    """Ask one operation in many ways; every other time for something that is there."""

    @settings(LIMITED, max_examples=examples)
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        for name, value in case.path_parameters.items():
            known, number = ids.get(name, []), sum(map(ord, str(value)))
            if known and number % 2 == 0:
                case.path_parameters[name] = known[number // 2 % len(known)]
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        # Not to be ready is an answer that is described.
        known_trouble = [not_a_server_error] if case.path == "/readyz" else []
        case.call_and_validate(headers=headers, excluded_checks=known_trouble)

    ask()


@pytest.mark.parametrize(("label", "mode"), EVERY, ids=lambda value: getattr(value, "value", value))
def test_every_answer_is_as_described(
    label: str, mode: GenerationMode, ids: dict[str, list[str]], tokens: dict[Scope, str]
) -> None:
    asked(label, mode, ids, tokens[Scope.ADMIN])


@pytest.mark.parametrize("scope", [None, Scope.READ, Scope.OPERATE], ids=str)
def test_who_may_less_is_refused_as_described(
    scope: Scope | None, ids: dict[str, list[str]], tokens: dict[Scope, str]
) -> None:
    for label in OPERATIONS:
        asked(label, GenerationMode.POSITIVE, ids, tokens[scope] if scope is not None else None, 3)
