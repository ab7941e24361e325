import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import CLASSES, ErrorClass
from core.domain.retry import RATE_LIMIT_MAX_S, decide, retry_delay_s
from core.domain.states import FailureKind

dice = st.floats(0.0, 1.0)


@pytest.mark.parametrize(("tries", "wait_s"), [(0, 2), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (6, 30), (5000, 30)])
def test_waits_double_from_two_seconds_up_to_thirty(tries: int, wait_s: float) -> None:
    assert retry_delay_s(tries) == wait_s


@given(st.integers(1, 100), dice, st.floats(0.1, 10), st.floats(10, 100))
def test_jitter_adds_at_most_a_fifth_and_never_makes_it_earlier(
    tries: int, jitter: float, base_s: float, cap_s: float
) -> None:
    exact_s = min(base_s * 2 ** (tries - 1), cap_s)
    assert exact_s <= retry_delay_s(tries, base_s, cap_s, jitter) <= exact_s * 1.2 + 1e-9


TABLE = [
    # class, tries before, asked for -> wait, uses a try, kind
    (ErrorClass.NETWORK, 0, None, 2.0, True, FailureKind.ERROR),
    (ErrorClass.NETWORK, 2, None, 8.0, True, FailureKind.ERROR),
    (ErrorClass.NETWORK, 3, None, None, True, FailureKind.EXHAUSTED),
    (ErrorClass.SERVER, 0, 20.0, 20.0, True, FailureKind.ERROR),
    (ErrorClass.SERVER, 0, 1.0, 2.0, True, FailureKind.ERROR),
    (ErrorClass.SERVER, 0, 1e9, RATE_LIMIT_MAX_S, True, FailureKind.ERROR),
    (ErrorClass.LLM_UNAVAILABLE, 1, None, 4.0, True, FailureKind.ERROR),
    (ErrorClass.UNKNOWN, 1, None, 4.0, True, FailureKind.ERROR),
    (ErrorClass.UNKNOWN, 2, None, None, True, FailureKind.EXHAUSTED),
    (ErrorClass.FORBIDDEN, 0, None, 2.0, True, FailureKind.ERROR),
    (ErrorClass.FORBIDDEN, 1, None, None, True, FailureKind.PERMANENT),
    (ErrorClass.NOT_YET, 0, None, None, True, FailureKind.PERMANENT),
    (ErrorClass.NOT_YET, 9, 7200.0, 7200.0, False, FailureKind.ERROR),
    (ErrorClass.RATE_LIMITED, 0, None, 900.0, False, FailureKind.ERROR),
    (ErrorClass.RATE_LIMITED, 99, 60.0, 60.0, False, FailureKind.ERROR),
    (ErrorClass.RATE_LIMITED, 0, 0.1, 2.0, False, FailureKind.ERROR),
    (ErrorClass.RATE_LIMITED, 0, -5.0, 900.0, False, FailureKind.ERROR),
    (ErrorClass.DISK_FULL, 99, None, 30.0, False, FailureKind.ERROR),
    (ErrorClass.REMOVED, 0, 60.0, None, True, FailureKind.PERMANENT),
    (ErrorClass.NO_AUDIO, 0, None, None, True, FailureKind.PERMANENT),
    (ErrorClass.INPUT_LOST, 0, None, None, True, FailureKind.INPUT_LOST),
]


@pytest.mark.parametrize(("error_class", "tries", "asked_s", "wait_s", "counts", "kind"), TABLE)
def test_the_table_of_decisions(
    error_class: ErrorClass, tries: int, asked_s: float | None, wait_s: float | None, counts: bool, kind: FailureKind
) -> None:
    decision = decide(error_class, tries, 3, asked_s)
    assert (decision.wait_s, decision.counts, decision.kind) == (wait_s, counts, kind)


@given(st.sampled_from(ErrorClass), st.integers(0, 20), st.integers(0, 10), st.none() | st.floats(-10, 1e6), dice)
def test_a_decision_ends_exactly_what_is_permanent_or_used_up(
    error_class: ErrorClass, tries: int, max_retries: int, asked_s: float | None, jitter: float
) -> None:
    decision, rule = decide(error_class, tries, max_retries, asked_s, jitter), CLASSES[error_class]
    budget = max_retries if rule.retries is None else min(rule.retries, max_retries)
    told = rule.when_told and asked_s is not None and asked_s > 0
    over = not rule.retryable or (decision.counts and tries >= budget)
    assert (decision.wait_s is None) == (over and not told)
    assert decision.wait_s is None or decision.wait_s >= 2.0
    assert decision.wait_s is None or told or decision.wait_s <= RATE_LIMIT_MAX_S * 1.2


@given(st.sampled_from(sorted(ErrorClass)), dice)
def test_there_are_four_tries_in_all_or_as_many_as_the_class_has(error_class: ErrorClass, jitter: float) -> None:
    tries, counted, rule = 0, 0, CLASSES[error_class]
    for _ in range(10):
        decision = decide(error_class, tries, 3, None, jitter)
        tries += decision.counts
        counted += 1
        if decision.wait_s is None:
            break
    budget = 3 if rule.retries is None else min(rule.retries, 3)
    assert counted == (1 if not rule.retryable else budget + 1 if decision.counts else 10)


@given(st.sampled_from(ErrorClass))
def test_every_class_has_a_remedy(error_class: ErrorClass) -> None:
    assert CLASSES[error_class].hint.endswith(".")
