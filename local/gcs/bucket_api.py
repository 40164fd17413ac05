"""The JSON API's `buckets` and `notifications`."""

import base64
import re
from typing import Any

from local.gcs.buckets import Buckets
from local.gcs.conditions import Conditions, number
from local.gcs.errors import ApiError, invalid
from local.gcs.messages import Request, Response, json_response
from local.gcs.routes import Route

_MAX_RESULTS = 1000
# Source: Cloud Storage, JSON API, Notifications: insert, `topic`.
_TOPIC = re.compile(r"//pubsub\.googleapis\.com/projects/[^/]+/topics/[^/]+")
_PAYLOAD_FORMATS = ("JSON_API_V1", "NONE")


class BucketApi:
    """Handlers over the buckets of the store."""

    def __init__(self, buckets: Buckets) -> None:
        """Serve these buckets."""
        self._buckets = buckets

    def routes(self) -> list[Route]:
        """What this answers."""
        one, configs = "/storage/v1/b/{bucket}", "/storage/v1/b/{bucket}/notificationConfigs"
        return [
            Route("GET", "/storage/v1/b", self.list),
            Route("POST", "/storage/v1/b", self.insert),
            Route("GET", one, self.get),
            Route("PATCH", one, self.patch),
            Route("PUT", one, self.patch),
            Route("DELETE", one, self.delete),
            Route("GET", configs, self.list_notifications),
            Route("POST", configs, self.insert_notification),
            Route("GET", f"{configs}/{{config}}", self.get_notification),
            Route("DELETE", f"{configs}/{{config}}", self.delete_notification),
        ]

    def list(self, request: Request) -> Response:
        """Answer Buckets: list."""
        found, last = self._buckets.page(
            prefix=request.query.get("prefix", ""),
            after=_decode_token(request.query.get("pageToken", "")),
            max_results=min(number(request.query, "maxResults") or _MAX_RESULTS, _MAX_RESULTS),
        )
        document: dict[str, Any] = {
            "kind": "storage#buckets",
            "items": [_linked(bucket, request) for bucket in found],
        }
        if last is not None:
            document["nextPageToken"] = base64.urlsafe_b64encode(last.encode()).decode()
        return json_response(document)

    def insert(self, request: Request) -> Response:
        """Answer Buckets: insert."""
        return json_response(_linked(self._buckets.create(request.document()), request))

    def get(self, request: Request, bucket: str) -> Response:
        """Answer Buckets: get."""
        found = self._buckets.get(bucket, Conditions.parse(request.query))
        return json_response(_linked(found, request))

    def patch(self, request: Request, bucket: str) -> Response:
        """Answer Buckets: patch, and update as if it were a patch."""
        changed = self._buckets.update(bucket, request.document(), Conditions.parse(request.query))
        return json_response(_linked(changed, request))

    def delete(self, request: Request, bucket: str) -> Response:
        """Answer Buckets: delete."""
        self._buckets.delete(bucket, Conditions.parse(request.query))
        return Response(status=204)

    def list_notifications(self, request: Request, bucket: str) -> Response:
        """Answer Notifications: list."""
        items = [
            _linked_config(config, bucket, request)
            for config in self._buckets.notifications(bucket)
        ]
        return json_response({"kind": "storage#notifications", "items": items})

    def insert_notification(self, request: Request, bucket: str) -> Response:
        """Answer Notifications: insert."""
        resource = request.document()
        if not _TOPIC.fullmatch(str(resource.get("topic"))):
            raise invalid(
                f"Invalid Google Cloud Pub/Sub topic {resource.get('topic')!r}; it has the form "
                "//pubsub.googleapis.com/projects/PROJECT/topics/TOPIC"
            )
        if resource.get("payload_format") not in _PAYLOAD_FORMATS:
            raise invalid(f"payload_format is one of {', '.join(_PAYLOAD_FORMATS)}")
        custom = resource.get("custom_attributes") or {}
        if not isinstance(custom, dict) or not all(isinstance(v, str) for v in custom.values()):
            raise invalid("custom_attributes is a map of strings.")
        config = self._buckets.add_notification(bucket, resource)
        return json_response(_linked_config(config, bucket, request))

    def get_notification(self, request: Request, bucket: str, config: str) -> Response:
        """Answer Notifications: get."""
        return json_response(_linked_config(self._notification(bucket, config), bucket, request))

    def delete_notification(self, request: Request, bucket: str, config: str) -> Response:  # noqa: ARG002
        """Answer Notifications: delete."""
        self._notification(bucket, config)
        self._buckets.delete_notification(bucket, config)
        return Response(status=204)

    def _notification(self, bucket: str, config_id: str) -> dict[str, Any]:
        for config in self._buckets.notifications(bucket):
            if config["id"] == config_id:
                return config
        raise ApiError(404, "notFound", f"No such notification: {bucket}, id {config_id}")


def _linked(bucket: dict[str, Any], request: Request) -> dict[str, Any]:
    return {**bucket, "selfLink": f"{request.base_url}/storage/v1/b/{bucket['name']}"}


def _linked_config(config: dict[str, Any], bucket: str, request: Request) -> dict[str, Any]:
    path = f"/storage/v1/b/{bucket}/notificationConfigs/{config['id']}"
    return {**config, "selfLink": f"{request.base_url}{path}", "etag": config["id"]}


def _decode_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError as exc:
        raise invalid(f"Invalid page token: {token!r}") from exc
