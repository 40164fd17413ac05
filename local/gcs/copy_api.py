"""The part of the JSON API's `objects` that makes new objects of old: compose, copy, rewrite."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from local.gcs.buckets import Buckets
from local.gcs.conditions import ALWAYS, Conditions, number
from local.gcs.contents import BLOCK_BYTES, Contents, Spool
from local.gcs.errors import invalid
from local.gcs.messages import Request, Response, json_response
from local.gcs.object_api import object_response
from local.gcs.objects import Objects
from local.gcs.records import Address, ObjectRecord
from local.gcs.resources import (
    HOLDS,
    attributes_of,
    check_object_name,
    dumps,
    object_resource,
    overrides,
)
from local.gcs.routes import Route

COMPOSE_MAX_SOURCES = 32
"""Source: JSON API, Objects: compose."""

REWRITE_BYTES_PER_CALL = 16 * 2**20
"""What one call of a rewrite to another location or storage class gets done. Ours; the real service
decides by time."""

_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """What a request to copy or rewrite asks for."""

    source: Address
    source_conditions: Conditions
    destination: Address
    conditions: Conditions
    resource: dict[str, Any]
    bucket: dict[str, Any]
    """The resource of the destination's bucket."""

    @property
    def storage_class(self) -> str:
        return str(self.resource.get("storageClass") or self.bucket["storageClass"])

    def attributes(self, origin: ObjectRecord) -> dict[str, Any]:
        """Those of the request if it names any, else those of the source, holds excepted."""
        if overrides(self.resource):
            return attributes_of(self.resource, self.storage_class)
        kept = {key: value for key, value in origin.attributes.items() if key not in HOLDS}
        return {**kept, "storageClass": self.storage_class}


class CopyApi:
    """Handlers that read one object and write another."""

    def __init__(self, buckets: Buckets, objects: Objects, contents: Contents) -> None:
        """Serve these objects."""
        self._buckets = buckets
        self._objects = objects
        self._contents = contents

    def routes(self) -> list[Route]:
        """What this answers."""
        one = "/storage/v1/b/{bucket}/o/{object}"
        target = "b/{destination_bucket}/o/{destination}"
        return [
            Route("POST", f"{one}/compose", self.compose),
            Route("POST", f"{one}/copyTo/{target}", self.copy),
            Route("POST", f"{one}/rewriteTo/{target}", self.rewrite),
        ]

    def compose(self, request: Request, bucket: str, name: str) -> Response:
        """Answer Objects: compose."""
        document = request.document()
        sources = document.get("sourceObjects") or []
        if not 1 <= len(sources) <= COMPOSE_MAX_SOURCES:
            raise invalid(f"Compose takes 1 to {COMPOSE_MAX_SOURCES} sources, not {len(sources)}.")
        destination = Address(bucket=bucket, name=check_object_name(name))
        conditions = Conditions.parse(request.query)
        found = self._objects.check(destination, conditions)
        attributes = attributes_of(document.get("destination") or {}, found["storageClass"])
        with self._contents.spool(with_md5=False) as spool:
            component_count = sum(self._append(spool, bucket, source) for source in sources)
            content = spool.content(component_count)
            composed = self._objects.put(destination, content, attributes, conditions)
            spool.keep()
        return object_response(request, composed)

    def copy(
        self, request: Request, bucket: str, name: str, to_bucket: str, to_name: str
    ) -> Response:
        """Answer Objects: copy."""
        wish = self._wish(request, bucket, name, to_bucket, to_name)
        return object_response(request, self._carry_out(wish))

    def rewrite(
        self, request: Request, bucket: str, name: str, to_bucket: str, to_name: str
    ) -> Response:
        """Answer Objects: rewrite: done, or a token to go on with."""
        wish = self._wish(request, bucket, name, to_bucket, to_name)
        source = self._objects.find(wish.source)
        total_bytes = source.content.size_bytes
        call_bytes = self._bytes_per_call(request, source, wish)
        before_bytes = _bytes_before(request.query.get("rewriteToken"), source, wish)
        done_bytes = min(before_bytes + call_bytes, total_bytes)
        document: dict[str, Any] = {
            "kind": "storage#rewriteResponse",
            "objectSize": str(total_bytes),
            "totalBytesRewritten": str(done_bytes),
            "done": done_bytes == total_bytes,
        }
        if document["done"]:
            record = self._carry_out(wish)
            document["resource"] = object_resource(record, request.base_url)
        else:
            document["rewriteToken"] = _rewrite_token(done_bytes, source, wish)
        return json_response(document)

    def _append(self, spool: Spool, bucket: str, source: dict[str, Any]) -> int:
        """Add one source of a compose; return of how many objects it was composed itself."""
        address = Address(
            bucket=bucket,
            name=check_object_name(source.get("name")),
            generation=number(source, "generation"),
        )
        wishes = Conditions.parse(source.get("objectPreconditions") or {})
        record, file = self._objects.open(address, wishes)
        with file:
            while block := file.read(BLOCK_BYTES):
                spool.write(block)
        return record.content.component_count or 1

    def _wish(
        self, request: Request, bucket: str, name: str, to_bucket: str, to_name: str
    ) -> _Copy:
        generation = number(request.query, "sourceGeneration")
        return _Copy(
            source=Address(bucket=bucket, name=name, generation=generation),
            source_conditions=Conditions.parse(request.query, "ifSource"),
            destination=Address(bucket=to_bucket, name=check_object_name(to_name)),
            conditions=Conditions.parse(request.query),
            resource=request.document(),
            bucket=self._buckets.get(to_bucket, ALWAYS),
        )

    def _carry_out(self, wish: _Copy) -> ObjectRecord:
        return self._objects.copy(
            wish.source,
            wish.source_conditions,
            wish.destination,
            wish.attributes,
            wish.conditions,
        )

    def _bytes_per_call(self, request: Request, source: ObjectRecord, wish: _Copy) -> int:
        """How far one call gets: to the end, unless bytes have to move."""
        asked = number(request.query, "maxBytesRewrittenPerCall")
        if asked is not None and (asked < _MIB or asked % _MIB):
            raise invalid("maxBytesRewrittenPerCall is a multiple of 1 MiB.")
        origin_bucket = self._buckets.get(source.bucket, ALWAYS)
        moves = (
            origin_bucket["location"] != wish.bucket["location"]
            or source.attributes["storageClass"] != wish.storage_class
        )
        if not moves and asked is None:
            return source.content.size_bytes
        return min(asked or REWRITE_BYTES_PER_CALL, REWRITE_BYTES_PER_CALL)


def _rewrite_token(done_bytes: int, source: ObjectRecord, wish: _Copy) -> str:
    """All there is to know for the next call: a token outlives the emulator's process."""
    state = [done_bytes, *_identity(source, wish)]
    return base64.urlsafe_b64encode(dumps(state).encode("utf-8")).decode("ascii")


def _bytes_before(token: str | None, source: ObjectRecord, wish: _Copy) -> int:
    if token is None:
        return 0
    try:
        done_bytes, *identity = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError) as exc:
        raise invalid(f"Invalid rewriteToken: {token!r}") from exc
    if identity != _identity(source, wish):
        raise invalid("This rewriteToken belongs to a rewrite of other objects.")
    return int(done_bytes)


def _identity(source: ObjectRecord, wish: _Copy) -> list[object]:
    return [
        *(source.bucket, source.name, source.generation),
        *(wish.destination.bucket, wish.destination.name),
    ]
