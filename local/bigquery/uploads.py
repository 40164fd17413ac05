"""Uploads that a load job comes with: in one request of two parts, or in chunks of a session."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.bigquery.errors import ApiError, not_found

_BOUNDARY = re.compile(rb'boundary="?([^";]+)')
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(slots=True)
class Session:
    """An upload in chunks: the job that is to run, and the file so far."""

    job: dict[str, Any]
    file: Path
    is_complete: bool = False

    @property
    def size(self) -> int:
        """Bytes received."""
        return self.file.stat().st_size


class Uploads:
    """All sessions of a server; they end with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sessions: dict[str, Session] = {}

    def begin(self, body: bytes) -> str:
        """Begin a session and return its id."""
        upload_id = uuid.uuid4().hex
        file = self._folder / upload_id
        file.touch()
        self._sessions[upload_id] = Session(json.loads(body), file)
        return upload_id

    def put(self, upload_id: str, content_range: str, body: bytes) -> Session:
        """Add a chunk.

        Raises:
            ApiError: 404, no such session; 400, the chunk does not follow what is there.
        """
        session = self._sessions.get(upload_id)
        if session is None:
            raise not_found("Upload", upload_id)
        match = _RANGE.fullmatch(content_range)
        if match is None or (match[1] and int(match[1]) != session.size):
            raise ApiError("invalid", f"Invalid Content-Range: {content_range}")
        with session.file.open("ab") as stream:
            stream.write(body)
        session.is_complete = match[3] != "*" and session.size == int(match[3])
        return session

    def take(self, content_type: str, body: bytes) -> Session:
        """Return what a request of two parts holds.

        Raises:
            ApiError: 400, it is none.
        """
        found = _BOUNDARY.search(content_type.encode())
        if found is None:
            raise ApiError("invalid", "The request has no boundary")
        _, job, media, *_ = body.split(b"--" + found[1].strip(b"'"))
        file = self._folder / uuid.uuid4().hex
        file.write_bytes(media.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n"))
        return Session(json.loads(job.split(b"\r\n\r\n", 1)[1]), file, is_complete=True)
