"""The bytes of objects on their way in: in one request, or in many that can be resumed.

Nothing is an object before its last byte is there, its hashes are what the caller declared and its
preconditions hold. Source of the protocol: Cloud Storage, "Perform resumable uploads".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from local.gcs.conditions import Conditions, number
from local.gcs.contents import BLOCK_BYTES, Contents
from local.gcs.database import Database
from local.gcs.errors import ApiError, invalid
from local.gcs.messages import Body, Request, Response, json_response, parse_document
from local.gcs.multipart import MultipartReader, boundary_of
from local.gcs.object_api import object_response
from local.gcs.objects import Objects
from local.gcs.records import Address, Content, ObjectRecord
from local.gcs.resources import attributes_of, check_object_name, object_resource
from local.gcs.routes import Route
from local.gcs.sessions import Outcome, Session, Sessions

CHUNK_QUANTUM_BYTES = 256 * 1024
"""Every chunk but the last is a multiple of this. Source: Cloud Storage, "Resumable uploads"."""

CANCELLED = 499
"""The answer to a cancellation that worked. Source: "Cancel an upload"."""

_RESUME_INCOMPLETE = 308
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+|\*)|\*)/(\d+|\*)")
_HASHES = ("crc32c", "md5Hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """What a request of a session carries, as its `Content-Range` says."""

    first: int | None
    """Offset of its first byte; None when it carries nothing."""
    total: int | None
    """Size of the whole object; None while the caller does not know."""
    is_all: bool = False
    """There is no `Content-Range`: the object ends with this request."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read the headers.

        Raises:
            ApiError: 400, they contradict themselves or the chunk has no lawful size.
        """
        header = request.headers.get("content-range")
        if header is None:
            return cls(first=0, total=None, is_all=True)
        match = _CONTENT_RANGE.fullmatch(header)
        if match is None:
            raise invalid(f"Invalid Content-Range: {header!r}")
        first, last, total = (None if part in (None, "*") else int(part) for part in match.groups())
        length = request.body.length
        if first is not None and last is not None and length not in (None, last + 1 - first):
            raise invalid(f"Content-Range {header!r} does not fit a body of {length} bytes.")
        if total is None and first is not None and length is not None:
            _check_quantum(length)
        return cls(first=first, total=total)


class UploadApi:
    """Handlers of everything below `/upload`."""

    def __init__(
        self, database: Database, objects: Objects, contents: Contents, sessions: Sessions
    ) -> None:
        """Write to these objects."""
        self._database = database
        self._objects = objects
        self._contents = contents
        self._sessions = sessions

    def routes(self) -> list[Route]:
        """What this answers; old clients say `/resumable/upload`."""
        return [
            route
            for path in (
                "/upload/storage/v1/b/{bucket}/o",
                "/resumable/upload/storage/v1/b/{bucket}/o",
            )
            for route in (
                Route("POST", path, self.insert),
                Route("PUT", path, self.resume),
                Route("DELETE", path, self.cancel),
            )
        ]

    def insert(self, request: Request, bucket: str) -> Response:
        """Answer Objects: insert, in its three forms."""
        match request.query.get("uploadType"):
            case "media":
                return self._insert_media(request, bucket)
            case "multipart":
                return self._insert_multipart(request, bucket)
            case "resumable":
                return self._begin(request, bucket)
            case other:
                raise invalid(f"uploadType is media, multipart or resumable, not {other!r}.")

    def resume(self, request: Request, bucket: str) -> Response:  # noqa: ARG002
        """Answer a chunk, a question how far the upload got, or a request already answered."""
        session = self._sessions.get(request.query.get("upload_id", ""))
        request.subject = f"{session.address.bucket}/{session.address.name}"
        with session.lock:
            if session.outcome is not None:
                return json_response(session.outcome.document, session.outcome.status)
            span = _Span.of(request)
            if span.first is not None:
                _append(session, request.body, span.first)
            size_bytes = session.spool.size_bytes
            total = size_bytes if span.is_all else span.total
            if total is None or size_bytes < total:
                return _incomplete(size_bytes)
            _check_size(session, total)
            return self._finish(session, request)

    def cancel(self, request: Request, bucket: str) -> Response:  # noqa: ARG002
        """Forget an upload."""
        self._sessions.cancel(request.query.get("upload_id", ""))
        return Response(status=CANCELLED)

    def _insert_media(self, request: Request, bucket: str) -> Response:
        content_type = request.headers.get("content-type")
        resource = {
            "contentType": content_type,
            "contentEncoding": request.query.get("contentEncoding"),
        }
        return self._store(request, bucket, resource, _blocks(request.body))

    def _insert_multipart(self, request: Request, bucket: str) -> Response:
        boundary = boundary_of(request.headers.get("content-type", ""))
        reader = MultipartReader(request.body, boundary)
        reader.next_part()
        resource = parse_document(reader.document())
        headers = reader.next_part()
        resource.setdefault("contentType", headers.get("content-type"))
        return self._store(request, bucket, resource, reader.blocks())

    def _store(
        self, request: Request, bucket: str, resource: dict[str, Any], blocks: Iterable[bytes]
    ) -> Response:
        """Make an object of the bytes of one request."""
        address = _address(request, bucket, resource)
        conditions = Conditions.parse(request.query)
        found = self._objects.check(address, conditions)
        attributes = attributes_of(resource, found["storageClass"])
        with self._contents.spool() as spool:
            for block in blocks:
                spool.write(block)
            content = spool.content()
            _check_hashes(content, resource, request.headers)
            record = self._objects.put(address, content, attributes, conditions)
            spool.keep()
        return object_response(request, record)

    def _begin(self, request: Request, bucket: str) -> Response:
        """Start a session; what would be refused at the end is refused now."""
        resource = request.document()
        resource.setdefault("contentType", request.headers.get("x-upload-content-type"))
        address = _address(request, bucket, resource)
        conditions = Conditions.parse(request.query)
        found = self._objects.check(address, conditions)
        hashes = {key: resource[key] for key in _HASHES if resource.get(key)}
        session = self._sessions.begin(
            address,
            attributes_of(resource, found["storageClass"]) | hashes,
            conditions,
            number(request.headers, "x-upload-content-length"),
        )
        location = (
            f"{request.base_url}{request.path}?uploadType=resumable&upload_id={session.session_id}"
        )
        headers = {"location": location, "x-guploader-uploadid": session.session_id}
        return Response(status=200, headers=headers)

    def _finish(self, session: Session, request: Request) -> Response:
        """Make an object of the session's bytes; the answer is kept, whichever it is."""
        try:
            content = session.spool.content()
            _check_hashes(content, session.attributes, request.headers)
            with self._database.transaction():
                record = self._put(session, content)
                document = object_resource(record, request.base_url)
                self._sessions.finish(session, Outcome(status=200, document=document))
        except ApiError as error:
            outcome = Outcome(status=error.status, document=error.document())
            self._sessions.finish(session, outcome)
            raise
        return json_response(document)

    def _put(self, session: Session, content: Content) -> ObjectRecord:
        attributes = {key: value for key, value in session.attributes.items() if key not in _HASHES}
        return self._objects.put(session.address, content, attributes, session.conditions)


def _address(request: Request, bucket: str, resource: dict[str, Any]) -> Address:
    name = check_object_name(request.query.get("name") or resource.get("name"))
    request.subject = f"{bucket}/{name}"
    return Address(bucket=bucket, name=name)


def _blocks(body: Body) -> Iterator[bytes]:
    while block := body.read(BLOCK_BYTES):
        yield block


def _append(session: Session, body: Body, first: int) -> None:
    """Keep what is new of a chunk; callers that lost a reply send known bytes again."""
    known = session.spool.size_bytes - first
    if known < 0:
        raise invalid(
            f"The chunk begins at {first}, but only {session.spool.size_bytes} bytes arrived; "
            "ask how far the upload got and go on from there."
        )
    try:
        for block in _blocks(body):
            if known < len(block):
                session.spool.write(block[known:] if known else block)
            known = max(0, known - len(block))
    finally:
        session.spool.close()


def _check_size(session: Session, total: int) -> None:
    size_bytes = session.spool.size_bytes
    if size_bytes != total:
        raise invalid(f"{size_bytes} bytes arrived, more than {total}.")
    if session.declared_bytes not in (None, total):
        raise invalid(f"The object has {total} bytes instead of {session.declared_bytes}.")


def _check_quantum(length: int) -> None:
    if length == 0 or length % CHUNK_QUANTUM_BYTES:
        raise invalid(
            f"A chunk that is not the last has a multiple of {CHUNK_QUANTUM_BYTES} bytes, "
            f"not {length}."
        )


def _incomplete(size_bytes: int) -> Response:
    headers = {"range": f"bytes=0-{size_bytes - 1}"} if size_bytes else {}
    return Response(status=_RESUME_INCOMPLETE, headers=headers)


def _check_hashes(content: Content, resource: dict[str, Any], headers: dict[str, str]) -> None:
    """Compare what arrived with what the caller declared, in the resource or in `x-goog-hash`.

    Raises:
        ApiError: 400.
    """
    pairs = (part.strip().partition("=") for part in headers.get("x-goog-hash", "").split(","))
    sent = {name: value for name, _, value in pairs}
    for label, found, declared in (
        ("CRC32C", content.crc32c, (resource.get("crc32c"), sent.get("crc32c"))),
        ("MD5 hash", content.md5_hash, (resource.get("md5Hash"), sent.get("md5"))),
    ):
        for value in declared:
            if value and value != found:
                raise invalid(
                    f'Provided {label} "{value}" doesn\'t match calculated {label} "{found}".'
                )
