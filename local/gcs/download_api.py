"""The bytes of objects on their way out: whole, in ranges, or unpacked on the way."""

import re
import zlib
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime
from typing import BinaryIO

from local.gcs.conditions import Conditions
from local.gcs.contents import BLOCK_BYTES
from local.gcs.errors import ApiError
from local.gcs.messages import FileSlice, Request, Response, json_response
from local.gcs.object_api import check_etags, object_address
from local.gcs.objects import Objects
from local.gcs.records import ObjectRecord
from local.gcs.resources import etag
from local.gcs.routes import Route

_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))")
_GZIP_WINDOW_BITS = 31
_COPIED_HEADERS = {
    "cacheControl": "cache-control",
    "contentDisposition": "content-disposition",
    "contentLanguage": "content-language",
    "contentType": "content-type",
    "storageClass": "x-goog-storage-class",
}


class DownloadApi:
    """Handler of media downloads."""

    def __init__(self, objects: Objects) -> None:
        """Serve these objects."""
        self._objects = objects

    def routes(self) -> list[Route]:
        """What this answers, besides the gets with `alt=media` that `objects` passes on."""
        return [Route("GET", "/download/storage/v1/b/{bucket}/o/{object}", self.download)]

    def download(self, request: Request, bucket: str, name: str) -> Response:
        """Answer Objects: get with `alt=media`."""
        address = object_address(request, bucket, name)
        record, file = self._objects.open(address, Conditions.parse(request.query))
        try:
            check_etags(request, record)
            return _media(request, record, file)
        except ApiError:
            file.close()
            raise


def _media(request: Request, record: ObjectRecord, file: BinaryIO) -> Response:
    headers = _headers(record)
    if _is_to_be_unpacked(request, record):
        # Source: Cloud Storage, "Transcoding of gzip-compressed files": ranges are ignored.
        headers["warning"] = "214 UploadServer gunzipped"
        return Response(status=200, headers=headers, content=_unpack(file))
    if encoding := record.attributes.get("contentEncoding"):
        headers["content-encoding"] = encoding
    headers["accept-ranges"] = "bytes"
    size_bytes = record.content.size_bytes
    wanted = _range(request.headers.get("range", ""), size_bytes)
    if wanted is None:
        content = FileSlice(file=file, offset=0, length=size_bytes)
        return Response(status=200, headers=headers, content=content)
    if not wanted:
        file.close()
        return _not_satisfiable(request.headers["range"], size_bytes)
    headers["content-range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size_bytes}"
    content = FileSlice(file=file, offset=wanted.start, length=len(wanted))
    return Response(status=206, headers=headers, content=content)


def _headers(record: ObjectRecord) -> dict[str, str]:
    content = record.content
    attributes = record.attributes
    md5_hash = f",md5={content.md5_hash}" if content.md5_hash else ""
    return {
        **{_COPIED_HEADERS[key]: attributes[key] for key in _COPIED_HEADERS if key in attributes},
        "etag": etag(record),
        "last-modified": format_datetime(datetime.fromisoformat(record.updated_at), usegmt=True),
        "x-goog-generation": str(record.generation),
        "x-goog-metageneration": str(record.metageneration),
        "x-goog-hash": f"crc32c={content.crc32c}{md5_hash}",
        "x-goog-stored-content-encoding": attributes.get("contentEncoding", "identity"),
        "x-goog-stored-content-length": str(content.size_bytes),
    }


def _is_to_be_unpacked(request: Request, record: ObjectRecord) -> bool:
    return (
        record.attributes.get("contentEncoding") == "gzip"
        and "gzip" not in request.headers.get("accept-encoding", "")
        and "no-transform" not in record.attributes.get("cacheControl", "")
    )


def _unpack(file: BinaryIO) -> Iterator[bytes]:
    """Yield what a gzip file of any number of members holds, a bounded block at a time.

    Raises:
        ConnectionAbortedError: it is no gzip file; the caller sees the connection end early.
    """
    unpacker = zlib.decompressobj(_GZIP_WINDOW_BITS)
    with file:
        while packed := file.read(BLOCK_BYTES):
            while packed:
                try:
                    block = unpacker.decompress(packed, BLOCK_BYTES)
                except zlib.error as exc:
                    raise ConnectionAbortedError(f"stored as gzip, but is not: {exc}") from exc
                if block:
                    yield block
                packed = unpacker.unconsumed_tail
                if unpacker.eof:
                    packed = unpacker.unused_data
                    unpacker = zlib.decompressobj(_GZIP_WINDOW_BITS)


def _range(header: str, size_bytes: int) -> range | None:
    """Which bytes are wanted: None for all of them, an empty range for none that exist.

    More than one range, or none that makes sense, stands for all. Source: RFC 9110, section 14.2.
    """
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return range(max(0, size_bytes - int(suffix)), size_bytes)
    if last and int(last) < int(first):
        return None
    stop = min(int(last) + 1, size_bytes) if last else size_bytes
    return range(int(first), stop)


def _not_satisfiable(header: str, size_bytes: int) -> Response:
    error = ApiError(
        416,
        "requestedRangeNotSatisfiable",
        f"The requested range cannot be satisfied: {header} of {size_bytes} bytes.",
    )
    response = json_response(error.document(), error.status)
    response.headers["content-range"] = f"bytes */{size_bytes}"
    return response
