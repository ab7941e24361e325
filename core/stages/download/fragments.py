"""Streams that come in fragments (HLS, DASH), continued after a kill without losing or doubling one."""

import os
from pathlib import Path
from typing import Any

from yt_dlp.downloader.dash import DashSegmentsFD
from yt_dlp.downloader.fragment import FragmentFD
from yt_dlp.downloader.hls import HlsFD


class _Exact(FragmentFD):  # type: ignore[misc]
    """Fragments, appended exactly once: yt-dlp notes a fragment after writing it, and a kill between the two doubles it."""

    def _append_fragment(self, ctx: dict[str, Any], frag_content: bytes) -> None:
        ctx.setdefault("extra_state", {})["size"] = ctx["dest_stream"].tell() + len(frag_content)
        super()._append_fragment(ctx, frag_content)

    def _write_ytdl_file(self, ctx: dict[str, Any]) -> None:
        """Note how far it is with one rename: yt-dlp empties the note first, and a kill then would cost every fragment."""
        new = f"{ctx['filename']}.new"
        super()._write_ytdl_file({**ctx, "filename": new})
        os.replace(self.ytdl_filename(new), self.ytdl_filename(ctx["filename"]))  # noqa: PTH105 - yt-dlp's own names

    def _prepare_frag_download(self, ctx: dict[str, Any]) -> None:
        part = Path(self.temp_name(ctx["filename"]))
        if part.is_file():
            probe = {**ctx, "fragment_index": 0, "extra_state": {}}
            if Path(self.ytdl_filename(ctx["filename"])).is_file():
                self._read_ytdl_file(probe)
            size = probe["extra_state"].get("size", 0)
            if not probe["fragment_index"] or part.stat().st_size < size or probe.get("ytdl_corrupt"):
                size = 0
                Path(self.ytdl_filename(ctx["filename"])).unlink(missing_ok=True)
            os.truncate(part, size)
        super()._prepare_frag_download(ctx)
        ctx["dest_stream"].seek(0, os.SEEK_END)


class Hls(_Exact, HlsFD):  # type: ignore[misc]
    """HLS by yt-dlp's own means."""


class Dash(_Exact, DashSegmentsFD):  # type: ignore[misc]
    """DASH by yt-dlp's own means."""
