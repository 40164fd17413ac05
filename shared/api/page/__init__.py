"""The status page: plain files beside this module, served as they are; nothing builds them.

The page itself holds no data. It asks the API for all it shows, with the key of whoever looks.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI, Request
from starlette.responses import Response

FOLDER = Path(__file__).parent

INDEX = "index.html"

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""Files that are served, by their suffix."""


class _File(NamedTuple):
    data: bytes
    kind: str
    etag: str


def mount(app: FastAPI) -> None:
    """Serve the page at ``/`` and its files at ``/page/``."""
    app.add_route("/", _index)
    app.add_route("/page/{name}", _file)


async def _index(request: Request) -> Response:
    return _answer(request, _files()[INDEX])


async def _file(request: Request) -> Response:
    found = _files().get(request.path_params["name"])
    if found is None:
        return Response("there is no such file\n", 404, media_type="text/plain")
    return _answer(request, found)


def _answer(request: Request, file: _File) -> Response:
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.data, media_type=file.kind, headers=headers)


@cache
def _files() -> dict[str, _File]:
    """Return all files by name, read once: there are few, and no path comes from a caller."""
    found = {}
    for path in FOLDER.iterdir():
        if path.suffix in KINDS:
            data = path.read_bytes()
            etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
            found[path.name] = _File(data, KINDS[path.suffix], etag)
    return found
