"""What is written of the API for other programs, `docs/api`, is as the API is, and of use to a compiler."""

import json
from pathlib import Path

import pytest

from core.api.document import document
from tests.support.node import API, COMPILER, run, types_of

ANEW = "run: .venv/bin/python -m tests.support.node"
OPTIONS = ("--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler")
# The interfaces of seed 1, field by field: a field that is missing here does not compile.
USED = """
import type { components, operations, paths } from "./types";

type Schemas = components["schemas"];
type Has<Type, Fields extends keyof Type> = Pick<Type, Fields>;
export type Job = Has<Schemas["BatchJob"], "id" | "user_id" | "name" | "description" | "settings" | "status"
  | "total_videos" | "completed_videos" | "failed_videos" | "cancelled_videos" | "total_duration_seconds"
  | "processed_duration_seconds" | "estimated_time_remaining" | "priority" | "created_at" | "started_at"
  | "completed_at" | "updated_at">;
export type Video = Has<Schemas["BatchVideo"], "id" | "batch_job_id" | "video_id" | "position" | "status"
  | "progress_percentage" | "current_stage" | "error_message" | "retry_count" | "max_retries" | "processing_result"
  | "output_video_url" | "created_at" | "started_at" | "completed_at" | "updated_at">;
export type Export = Has<Schemas["BatchExport"], "id" | "batch_job_id" | "format" | "status" | "progress"
  | "download_url" | "file_size" | "expires_at" | "created_at">;
export type Problem = Has<Schemas["Problem"], "type" | "title" | "status" | "detail" | "hint">;

const statuses: Record<Schemas["BatchJob"]["status"], true> = {
  pending: true, processing: true, paused: true, completed: true, failed: true, cancelled: true,
};
const videos: Record<Schemas["BatchVideo"]["status"], true> = {
  pending: true, uploading: true, processing: true, completed: true, failed: true, cancelled: true,
};
const stages: Record<NonNullable<Schemas["BatchVideo"]["current_stage"]>, true> = {
  uploading: true, transcribing: true, removing_silence: true, detecting_highlights: true, exporting: true,
};
const made: paths["/api/batch-jobs"]["post"]["requestBody"]["content"]["application/json"] = { name: "Season 2" };
export type Listed = operations["batch_jobs_listed"]["responses"][200]["content"]["application/json"];
export { statuses, videos, stages, made };
"""


def test_the_document_is_as_the_api_is() -> None:
    assert json.loads((API / "openapi.json").read_text("utf-8")) == json.loads(document()), ANEW


@pytest.mark.node
def test_the_types_are_those_of_the_document() -> None:
    assert (API / "types.ts").read_text("utf-8") == types_of(API / "openapi.json"), ANEW


@pytest.mark.node
def test_the_types_compile_and_have_all_that_the_interfaces_of_the_specification_name(tmp_path: Path) -> None:
    (tmp_path / "types.ts").write_text((API / "types.ts").read_text("utf-8"), "utf-8")
    (tmp_path / "used.ts").write_text(USED, "utf-8")
    done = run(COMPILER, *OPTIONS, tmp_path / "used.ts", tmp_path / "types.ts")
    assert done.returncode == 0, done.stdout


@pytest.mark.node
@pytest.mark.parametrize(
    ("what", "error"),
    [('const one: Schemas["BatchJob"]["status"] = "done";', "TS2322"), ('Schemas["BatchJob"]["owner"]', "TS2339")],
)
def test_what_is_not_of_the_api_does_not_compile(tmp_path: Path, what: str, error: str) -> None:
    (tmp_path / "types.ts").write_text((API / "types.ts").read_text("utf-8"), "utf-8")
    wrong = what if "const" in what else f"export type Wrong = {what};"
    start = 'import type { components } from "./types";\ntype Schemas = components["schemas"];\n'
    (tmp_path / "used.ts").write_text(f"{start}{wrong}\nexport {{}};\n", "utf-8")
    done = run(COMPILER, *OPTIONS, tmp_path / "used.ts")
    assert done.returncode != 0
    assert error in done.stdout
