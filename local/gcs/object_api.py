"""The JSON API's `objects`: what is known of them, but not their bytes."""

from collections.abc import Callable
from typing import Any

from local.gcs.buckets import load_bucket
from local.gcs.conditions import Conditions, number
from local.gcs.database import Database
from local.gcs.errors import condition_not_met, invalid, not_emulated, not_modified
from local.gcs.listing import MAX_RESULTS, Listing, list_page
from local.gcs.messages import Request, Response, json_response
from local.gcs.objects import Objects
from local.gcs.records import Address, ObjectRecord
from local.gcs.resources import attributes_of, etag, object_resource, patched
from local.gcs.routes import Route

_UNKNOWN_LISTINGS = ("softDeleted", "includeTrailingDelimiter", "includeFoldersAsPrefixes")


class ObjectApi:
    """Handlers over the objects of the store."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        download: Callable[[Request, str, str], Response],
    ) -> None:
        """Serve these objects; `download` answers the gets that ask for media."""
        self._database = database
        self._objects = objects
        self._download = download

    def routes(self) -> list[Route]:
        """What this answers."""
        one = "/storage/v1/b/{bucket}/o/{object}"
        return [
            Route("GET", "/storage/v1/b/{bucket}/o", self.list),
            Route("GET", one, self.get),
            Route("PATCH", one, self.patch),
            Route("PUT", one, self.update),
            Route("DELETE", one, self.delete),
        ]

    def list(self, request: Request, bucket: str) -> Response:
        """Answer Objects: list."""
        with self._database.reading() as tx:
            load_bucket(tx, bucket)
            page = list_page(tx, bucket, _listing(request.query))
        document: dict[str, Any] = {
            "kind": "storage#objects",
            "items": [object_resource(record, request.base_url) for record in page.records],
            "prefixes": page.prefixes,
        }
        if page.next_page_token is not None:
            document["nextPageToken"] = page.next_page_token
        return json_response(document)

    def get(self, request: Request, bucket: str, name: str) -> Response:
        """Answer Objects: get, metadata or media."""
        if request.query.get("alt") == "media":
            return self._download(request, bucket, name)
        conditions = Conditions.parse(request.query)
        record = self._objects.find(object_address(request, bucket, name), conditions)
        check_etags(request, record)
        return object_response(request, record)

    def patch(self, request: Request, bucket: str, name: str) -> Response:
        """Answer Objects: patch."""
        patch = request.document()
        return self._change(request, bucket, name, lambda old: patched(old, patch))

    def update(self, request: Request, bucket: str, name: str) -> Response:
        """Answer Objects: update, which replaces all that a patch would merge."""
        resource = request.document()
        return self._change(
            request, bucket, name, lambda old: attributes_of(resource, old["storageClass"])
        )

    def delete(self, request: Request, bucket: str, name: str) -> Response:
        """Answer Objects: delete."""
        conditions = Conditions.parse(request.query)
        self._objects.delete(object_address(request, bucket, name), conditions)
        return Response(status=204)

    def _change(
        self,
        request: Request,
        bucket: str,
        name: str,
        change: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> Response:
        address = object_address(request, bucket, name)
        record = self._objects.update(address, change, Conditions.parse(request.query))
        return object_response(request, record)


def object_address(request: Request, bucket: str, name: str) -> Address:
    """Name what a request is about, with the generation of its query."""
    return Address(bucket=bucket, name=name, generation=number(request.query, "generation"))


def object_response(request: Request, record: ObjectRecord) -> Response:
    """Answer with an object's resource."""
    return json_response(object_resource(record, request.base_url))


def check_etags(request: Request, record: ObjectRecord) -> None:
    """Keep the promise of `If-Match` and `If-None-Match`.

    Raises:
        ApiError: 412 or 304.
    """
    wanted, unwanted = (
        {tag.strip().strip('"') for tag in request.headers.get(header, "").split(",")} - {""}
        for header in ("if-match", "if-none-match")
    )
    if wanted and not wanted & {etag(record), "*"}:
        raise condition_not_met()
    if unwanted & {etag(record), "*"}:
        raise not_modified()


def _listing(query: dict[str, str]) -> Listing:
    for parameter in _UNKNOWN_LISTINGS:
        if _is_true(query.get(parameter)):
            raise not_emulated(f"Listing with {parameter}")
    max_results = number(query, "maxResults")
    if max_results is not None and max_results < 1:
        raise invalid(f"Invalid maxResults: {max_results}")
    return Listing(
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        start_offset=query.get("startOffset", ""),
        end_offset=query.get("endOffset") or None,
        glob=query.get("matchGlob") or None,
        page_token=query.get("pageToken") or None,
        max_results=min(max_results or MAX_RESULTS, MAX_RESULTS),
        has_versions=_is_true(query.get("versions")),
    )


def _is_true(value: str | None) -> bool:
    """Google's Python client writes `True`."""
    return value is not None and value.lower() == "true"
