"""What the pages say about a storage."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from core.api import process
from core.domain.access import Actor, Scope
from core.domain.batch import Pause
from core.domain.errors import ErrorClass
from core.domain.run import Failure
from core.domain.states import BatchPhase, FailureKind, Phase
from core.manager.workers import Worker
from pages.components import session
from tests.pages.reading import components, html, labels, rows
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]
HOSTILE = "<img src=x onerror=alert(1)> **b** [x](javascript:alert(1)) \u202eevil"


def test_an_empty_storage_teaches_what_to_do(page: Open) -> None:
    drawn = page()
    assert "Ready for your first recordings" in html(drawn)
    assert "./reprise add talk.mp4 --wait" in html(drawn)
    assert "Add recordings" in labels(drawn)


@pytest.mark.parametrize(
    ("phases", "sentence", "tone"),
    [
        ((Phase.COMPLETED,), "All is done", "good"),
        ((Phase.COMPLETED, Phase.RUNNING), "Working on 1 run", "busy"),
        ((Phase.QUEUED, Phase.QUEUED), "Working on 2 runs", "busy"),
        ((Phase.FAILED,), "1 run needs attention", "bad"),
        ((Phase.FAILED, Phase.FAILED, Phase.RUNNING), "2 runs need attention", "bad"),
    ],
)
def test_the_verdict_is_one_sentence(
    case: Showcase, page: Open, phases: tuple[Phase, ...], sentence: str, tone: str
) -> None:
    batch = case.batch("Talks")
    for number, phase in enumerate(phases):
        case.run(batch, f"Talk {number}", phase)
    assert f'data-tone="{tone}"><b>{sentence}</b>' in html(page())


def test_a_paused_pool_says_by_whom(case: Showcase, page: Open) -> None:
    case.batch("Talks")
    drawn = page()
    drawn.button(key="pool").click().run()
    assert "Everything is paused" in html(drawn)
    assert drawn.button(key="pool").label == "Resume everything"
    assert case.store.pool.get("pool").value.pause is not None


def test_without_a_service_the_page_says_that_nothing_is_lost(case: Showcase, page: Open) -> None:
    case.run(case.batch("Talks"), "Talk")
    case.close()
    assert "No service runs just now" in html(page())
    case.hold()


def test_what_failed_stands_first_with_its_error_its_tries_and_its_remedy(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    case.fails(batch, "Refused", ErrorClass.FORBIDDEN, "The site refused access (403).")
    (row,) = rows(page(), "Needs attention")
    assert row["error"] == "The site refused access (403)."
    assert "cookies" in row["hint"]
    assert row["sub"] == "Download · 1 failed attempt"
    assert row["actions"] == [["retry", "Retry"]]


def test_what_a_site_put_off_is_told_so_and_not_as_a_failed_attempt(case: Showcase, page: Open) -> None:
    case.fails(case.batch("Talks"), "Slow", ErrorClass.RATE_LIMITED, "Slow down (429).", phase=Phase.RETRY_WAIT)
    (row,) = rows(page(show="queued"), "Waiting")
    assert row["sub"] == "Download · asked to wait"
    assert row["error"] == "Slow down (429)."


def test_a_run_that_waits_between_two_stages_is_not_said_to_be_at_work(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    working, waiting = (case.run(batch, name, Phase.RUNNING, done=1) for name in ("Works", "Waits"))
    case.change(waiting, attempts=waiting.attempts[:-1], stages=case.run(batch, "Fresh", done=1).stages)
    drawn = page()
    assert "1 run at work, 2 waiting" in html(drawn)
    assert [row["id"] for row in rows(drawn, "Active now")] == [working.run_id]
    shown = {row["title"]: row["badge"] for row in rows(page("batches.py", batch=batch), "Runs")}
    assert (shown["Works"], shown["Waits"]) == ("Running", "Waiting")


def test_what_a_person_stopped_asks_for_nobody(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    failure = Failure(kind=FailureKind.STOPPED, message="Stopped by anna.", hint="Retry goes on where it stopped.")
    run = case.run(batch, "Enough", Phase.FAILED, failure=failure)
    drawn = page()
    assert "attention" not in html(drawn)
    (row,) = rows(page("batches.py", batch=batch), "Runs")
    assert (row["badge"], row["tone"], row["error"]) == ("Stopped", "calm", "")
    assert "Stopped by anna." in row["sub"]
    assert 'data-tone="calm"><b>Stopped by anna.</b>' in html(page("run.py", run=run.run_id))


def test_resumed_stalled_and_failed_runs_stand_in_the_sidebar_of_every_page(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    resumed = case.run(batch, "Resumed", Phase.RUNNING, done=1, resumed=True)
    case.progress(resumed, 30, 56)
    stuck = case.run(batch, "Stuck", Phase.RUNNING)
    case.stalls(stuck)
    case.fails(batch, "Broken", ErrorClass.NOT_MEDIA, "The file is text.")
    for name in ("overview.py", "new_batch.py", "batches.py", "queue_page.py", "settings.py", "health.py"):
        drawn = page(name)
        assert [row["title"] for row in rows(drawn, "Resumed after restart")] == ["Resumed"]
        assert [(row["title"], row["actions"]) for row in rows(drawn, "Stalled")] == [
            ("Stuck", [["recover", "Recover"], ["stop", "Stop"]])
        ]
        assert [row["title"] for row in rows(drawn, "Failed, needs attention")] == ["Broken"]


def test_a_long_list_is_shown_a_page_at_a_time(case: Showcase, page: Open) -> None:
    batch = case.batch("Many")
    for number in range(53):
        case.run(batch, f"Talk {number}")
    assert len(rows(page(show="queued"), "Waiting")) == 50
    assert len(rows(page(show="queued", page="2"), "Waiting")) == 3
    assert len(rows(page(show="queued", page="x"), "Waiting")) == 50


def test_the_pages_of_what_waits_go_on_from_one_phase_to_the_next(case: Showcase, page: Open) -> None:
    batch = case.batch("Many")
    phases = [Phase.RETRY_WAIT] * 30 + [Phase.QUEUED] * 30 + [Phase.RECEIVING] * 2
    for number, phase in enumerate(phases):
        case.run(batch, f"Talk {number}", phase)
    first, second = (rows(page(show="queued", page=number), "Waiting") for number in ("1", "2"))
    assert [row["title"] for row in [*first, *second]] == [f"Talk {number}" for number in range(62)]
    assert len(first) == 50


def test_the_batches_are_shown_newest_first_with_the_word_for_their_own_runs(case: Showcase, page: Open) -> None:
    begun, waits = case.batch("Begun"), case.batch("Waits")
    case.run(begun, "One", Phase.RUNNING)
    case.run(waits, "Two")
    shown = {row["title"]: row["badge"] for row in rows(page("batches.py"), "Batches")}
    assert shown == {"Waits": "Queued", "Begun": "Running"}


def test_what_waits_again_after_a_restart_is_counted_whole_and_shown_in_part(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    case.run(batch, "Goes on", Phase.RUNNING, resumed=True)
    for number in range(4):
        case.run(batch, f"Waits {number}", resumed=True)
    case.run(batch, "New")
    drawn = page()
    assert [row["title"] for row in rows(drawn, "Resumed after restart")] == ["Goes on", "Waits 0", "Waits 1"]
    assert 'Resumed after restart<span class="rp-badge" data-tone="busy">5</span>' in html(drawn)


def test_what_a_crash_cost_is_told(page: Open) -> None:
    assert "<dt>Done again</dt><dd>21 s of audio</dd>" in html(page("health.py"))


def test_work_done_twice_that_was_not_measured_is_not_called_nothing(case: Showcase, page: Open) -> None:
    case.store.pool.update("pool", lambda pool: replace(pool, recovery={"found": 1.0}))
    assert "<dt>Done again</dt><dd>not measured</dd>" in html(page("health.py"))


def test_text_of_other_people_is_escaped_in_everything_we_draw(case: Showcase, page: Open) -> None:
    batch = case.batch(HOSTILE)
    run = case.fails(batch, HOSTILE, ErrorClass.UNKNOWN, HOSTILE)
    for name, address in (
        ("overview.py", {}),
        ("run.py", {"run": run.run_id}),
        ("batches.py", {"batch": batch}),
        ("batches.py", {}),
    ):
        drawn = page(name, **address)
        assert "<img src=x" not in html(drawn)
        assert "\u202e" not in html(drawn)
        shown = [row for given in components(drawn, "rows") for row in given["rows"]]
        assert not [row for row in shown if "\u202e" in str(row)]


def test_a_run_without_silence_can_be_seen_in_both_versions(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.COMPLETED)
    case.without_silence(run)
    (reader,) = components(page("run.py", run=run.run_id), "reader")
    whole, cut = reader["versions"]
    assert (whole["label"], whole["cuts"], whole["transcript"]) == ("Recording", None, None)
    assert cut["label"] == "Without silence"
    for name, file in (("cuts", "cuts.json"), ("transcript", "transcript.json")):
        assert cut[name].startswith(f"/api/runs/{run.run_id}/files/remove_silence/{file}?v=")


def test_a_row_has_its_place_and_its_video_to_save(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    done, failed = case.run(batch, "One", Phase.COMPLETED), case.run(batch, "Two", Phase.FAILED)
    exported = case.run(batch, "Three", Phase.COMPLETED)
    case.result(exported, "export", "e" * 32, {"export.mp4": b"moving pictures"})
    shown = rows(page("batches.py", batch=batch), "Runs")
    assert [(row["number"], row["save"]) for row in shown] == [
        ("#1", f"/api/runs/{done.run_id}/files/download/media?save"),
        ("#2", ""),
        ("#3", f"/api/runs/{exported.run_id}/files/export/export?save"),
    ]
    assert shown[1]["id"] == failed.run_id


def test_the_run_page_shows_stages_tries_files_and_where_they_are_fetched(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "River", Phase.COMPLETED)
    drawn = page("run.py", run=run.run_id)
    assert html(drawn).count(">Done<") == 4
    assert "18 s · 1 attempt" in html(drawn)
    (reader,) = components(drawn, "reader")
    (version,) = reader["versions"]
    assert version["media"]["url"].startswith(f"/api/runs/{run.run_id}/files/download/media.mp4?v=")
    assert "quotes.json" in reader["quotes"]
    assert f"/api/runs/{run.run_id}/files/transcribe/transcript.srt?save" in html(drawn)


def test_a_run_that_waits_says_why(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks", BatchPhase.DRAFT), "Talk")
    assert "Its batch is a draft and has not been started." in html(page("run.py", run=run.run_id))


def test_a_run_whose_batch_is_paused_says_by_whom_and_why(case: Showcase, page: Open) -> None:
    pause = Pause(by="ana", why="cookies expired", at=case.ago(5))
    run = case.run(case.batch("Talks", BatchPhase.PAUSED, pause=pause), "Talk")
    assert "by ana: &quot;cookies expired&quot;" in html(page("run.py", run=run.run_id))


@pytest.mark.parametrize(
    ("name", "address", "sentence"),
    [
        ("run.py", {"run": "r_<b>"}, "There is no run r_&lt;b&gt;."),
        ("run.py", {}, "No run is named in the address."),
        ("batches.py", {"batch": "b_none"}, "There is no batch b_none."),
        ("batches.py", {}, "0 batches"),
    ],
)
def test_an_address_that_leads_nowhere_is_said(page: Open, name: str, address: dict[str, str], sentence: str) -> None:
    assert sentence in html(page(name, **address))


def test_health_names_every_check_the_service_and_what_it_took_over(page: Open) -> None:
    said = html(page("health.py"))
    for part in (
        "Python",
        "ffmpeg",
        "yt-dlp",
        "Sandbox",
        "Speech model",
        "Disk space",
        "3 unfinished found, 2 resumed, 0 adopted, 1 held",
        "None are started on this machine.",
    ):
        assert part in said


def test_health_shows_what_each_worker_uses(monkeypatch: pytest.MonkeyPatch, case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "A talk", Phase.RUNNING)
    at = Worker(
        pid=7, lane="network", memory_bytes=91_000_000, cpu_s=4.2, load=0.5, run_id=run.run_id, stage="download"
    )
    idle = Worker(pid=8, lane="cpu", memory_bytes=1_400_000_000, cpu_s=75.0)
    process.current().manager.storage.index.load()
    monkeypatch.setattr(process.current().figures, "workers", lambda: [at, idle])
    said = html(page("health.py"))
    assert "Download: A talk · 91 MB of memory, 0.5 processors busy, 4.2 s of processor time so far" in said
    assert "waits for work · 1.4 GB of memory, 1 min 15 s of processor time so far" in said


def test_a_storage_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, case: Showcase, page: Open
) -> None:
    process.close()
    (case.layout.root / "file").write_text("")
    monkeypatch.setenv("REPRISE_STORAGE", str(case.layout.root / "file"))
    assert 'data-tone="bad"' in html(page())


def test_who_does_not_administer_this_machine_is_not_told_how_it_is_set_up(
    page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_NOTIFY_EMAIL", "admin@example.org")
    assert "./reprise doctor" in html(page("health.py"))
    eve = process.current().manager.acting_for(Actor(name="eve", scope=Scope.READ))
    monkeypatch.setattr(session, "manager", lambda: eve)
    drawn = page("health.py")
    assert "Service" in html(drawn)
    assert "doctor" not in html(drawn)
    assert "admin@example.org" not in html(drawn)
    assert "Check every file" not in labels(drawn)
