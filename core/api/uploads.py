"""Files from the browser: streamed to the disk piece by piece, whole and durable before anybody is told their name."""

import asyncio
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.api.process import current
from core.domain.errors import BadInput, StorageError
from core.system import files

_UNFIT = re.compile(r"[^\w .()\[\]-]+")
LONGEST_NAME = 120
LOOK_BYTES = 4 * 2**20


async def upload(request: Request) -> Response:
    """`PUT /uploads/{name}` with the bytes as the body: `{path, name, size}` of the stored file.

    Raises `BadInput` for a name without any letter and a body that is too long, `StorageError` when the disk is full.
    """
    process = current()
    name = stored_name(request.path_params["name"])
    limit = process.config.max_media_bytes
    said = request.headers.get("content-length", "")
    _check(int(said) if said.isdigit() else 0, limit)
    root = process.manager.storage.layout.uploads
    _check_room(root, int(said) if said.isdigit() else 0, process.config.free_space_bytes)
    folder = root / secrets.token_hex(8)
    with files.explained(f"storing the upload {name}"):
        await asyncio.to_thread(files.make_folder, folder)
        try:
            size = await _receive(request, folder / f"{name}.part", limit, process.config.free_space_bytes)
            (folder / f"{name}.part").rename(folder / name)
            await asyncio.to_thread(files.fsync_folder, folder)
        except BaseException:
            _drop(folder, name)
            raise
    return JSONResponse({"path": str(folder / name), "name": name, "size": size}, 201)


def stored_name(given: str) -> str:
    """`given` as a harmless name of one file; raises `BadInput` when nothing is left of it."""
    kept = _UNFIT.sub("_", Path(given).name).strip(" .")
    stem, suffix = Path(kept).stem[:LONGEST_NAME], Path(kept).suffix[:10]
    if not re.search(r"\w", stem):
        raise BadInput("This file has no name that can be kept.", hint="Rename it and upload it again.")
    return stem + suffix


async def _receive(request: Request, path: Path, limit: int, spare: int) -> int:
    fd, size, looked = files.open_new(path), 0, 0
    try:
        async for piece in request.stream():
            size += len(piece)
            _check(size, limit)
            if size - looked >= LOOK_BYTES:  # a body sent in chunks says nowhere how long it will be
                _check_room(path.parent, size - looked, spare)
                looked = size
            await _whole(files.write_all, fd, piece)
        await _whole(os.fsync, fd)
    except ClientDisconnect:
        raise BadInput("The upload was broken off.", hint="Upload it again.") from None
    finally:
        os.close(fd)
    if not size:
        raise BadInput("The file is empty.", hint="Choose another one.")
    return size


async def _whole(step: Callable[..., object], *given: object) -> None:
    """Do `step` in a thread, and end when it has: who is cancelled meanwhile must not close what it still writes to."""
    doing = asyncio.ensure_future(asyncio.to_thread(step, *given))
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        while not doing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({doing})
        with suppress(Exception):
            doing.result()  # nobody asks for it any more
        raise


def _check_room(folder: Path, size: int, spare: int) -> None:
    if size > files.free_bytes(folder) - spare:
        raise StorageError(
            "There is not enough free disk space for this file.", hint="Free some, or add it by its path."
        )


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise BadInput(
            f"The file is larger than {limit / 1e9:.1f} GB.", hint="Raise max_media_bytes in reprise.toml, or cut it."
        )


def _drop(folder: Path, name: str) -> None:
    for path in (folder / f"{name}.part", folder / name):
        files.remove(path)
    with suppress(OSError):
        folder.rmdir()
