"""What the documents that Reprise was built from name: their fields, in their words. Nothing here looks into the product."""

# "TypeScript Type Definitions" of S1.
BATCH_JOB = {
    "id", "user_id", "name", "description", "settings", "status", "total_videos", "completed_videos", "failed_videos",
    "cancelled_videos", "total_duration_seconds", "processed_duration_seconds", "estimated_time_remaining", "priority",
    "created_at", "started_at", "completed_at", "updated_at",
}  # fmt: skip
BATCH_VIDEO = {
    "id", "batch_job_id", "video_id", "position", "status", "progress_percentage", "current_stage", "error_message",
    "retry_count", "max_retries", "processing_result", "output_video_url", "created_at", "started_at", "completed_at",
    "updated_at",
}  # fmt: skip
BATCH_EXPORT = {
    "id", "batch_job_id", "format", "status", "progress", "download_url", "file_size", "expires_at", "created_at",
}  # fmt: skip
# The status of S4.
JOB_STATUS = {"status", "active_workers", "pending", "processing", "completed", "failed", "throughput_per_min"}
