"""Secret Manager on a laptop, for Google's own client, over gRPC and over REST alike.

One table of methods serves both. A secret is one JSON file in the state directory, readable by its
owner alone; it is not encrypted. ``latest`` means the newest version, whatever its state.

What it does not do: regional secrets, IAM, etags, aliases, expiry, rotation, topics, delayed
destruction, customer-managed keys and filters; what of it a caller asks for is refused. Over REST,
Google's client raises plain BadRequest and Conflict where over gRPC it raises FailedPrecondition
and AlreadyExists: the service tells them apart only in the body's ``status``.
"""

import base64
import json
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import google_crc32c
import grpc
from google.cloud.secretmanager_v1 import types
from google.protobuf.json_format import ParseError

from local.http_json import Call, HttpError, Route
from local.rpc import (
    RefusedError,
    exists,
    invalid,
    not_emulated,
    not_found,
    page,
    precondition,
    service,
    unary,
)

PAYLOAD_MAX_BYTES = 64 * 1024
"""Source: Secret Manager, "Quotas and limits"."""

SECRET_FIELDS = frozenset({"name", "replication", "labels", "annotations"})
"""What of a secret is kept."""

State = types.SecretVersion.State

_NAME = r"projects/[\w:.-]+/secrets/[\w-]{1,255}"
_VERSION = rf"{_NAME}/versions/(?:\d+|latest)"
_HTTP_CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.UNIMPLEMENTED: 501,
}
"""Source: google.rpc.Code."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the service, and its REST form.

    ``pattern`` has one group, which becomes the request's ``path_field``; the body becomes the
    request's ``body_field``, or all of it when that is ``*``. Source: google.api.http annotations
    of ``google.cloud.secretmanager.v1``.
    """

    name: str
    call: Callable[[Any], Any]
    verb: str
    pattern: str
    path_field: str = "name"
    body_field: str = "*"

    @property
    def request(self) -> Any:
        """Class of the request message."""
        return getattr(types, f"{self.name}Request")


class SecretManager:
    """All secrets of all projects."""

    def __init__(self, state_dir: Path) -> None:
        """Keep secrets below a directory, in ``secrets``."""
        self._dir = state_dir / "secrets"
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.RLock()

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a gRPC server needs."""
        return service(
            "google.cloud.secretmanager.v1.SecretManagerService",
            {each.name: unary(each.request, self._locked(each)) for each in self._methods()},
        )

    def routes(self) -> list[Route]:
        """Return what an HTTP server needs."""
        return [
            Route("GET", "/_health", lambda _: {"status": "ok"}),
            *(
                Route(each.verb, f"/v1/{each.pattern}", partial(self._answer, each))
                for each in self._methods()
            ),
        ]

    def _methods(self) -> list[Method]:
        secrets, secret = r"(projects/[^/]+)/secrets", f"({_NAME})"
        versions, version = f"{secret}/versions", f"({_VERSION})"
        enable, disable, destroy = (
            partial(self._set_state, state)
            for state in (State.ENABLED, State.DISABLED, State.DESTROYED)
        )
        return [
            Method("CreateSecret", self._create, "POST", secrets, "parent", "secret"),
            Method("ListSecrets", self._list, "GET", secrets, "parent"),
            Method("GetSecret", self._get, "GET", secret),
            Method("DeleteSecret", self._delete, "DELETE", secret),
            Method("AddSecretVersion", self._add, "POST", f"{secret}:addVersion", "parent"),
            Method("ListSecretVersions", self._versions, "GET", versions, "parent"),
            Method("GetSecretVersion", self._version, "GET", version),
            Method("AccessSecretVersion", self._access, "GET", f"{version}:access"),
            Method("EnableSecretVersion", enable, "POST", f"{version}:enable"),
            Method("DisableSecretVersion", disable, "POST", f"{version}:disable"),
            Method("DestroySecretVersion", destroy, "POST", f"{version}:destroy"),
        ]

    def _locked(self, method: Method) -> Callable[[Any], Any]:
        def call(request: Any) -> Any:
            with self._lock:
                return method.call(request)

        return call

    def _answer(self, method: Method, call: Call, path: str) -> Any:
        """Serve the REST form of a method."""
        body = call.fields()
        query = {key: value for key, value in call.query.items() if not key.startswith("$")}
        fields = body if method.body_field == "*" else {method.body_field: body}
        document = {**query, **fields, method.path_field: path}
        try:
            response = self._locked(method)(method.request.from_json(json.dumps(document)))
        except ParseError as exc:
            raise HttpError(400, str(exc), "INVALID_ARGUMENT") from exc
        except RefusedError as refused:
            code = _HTTP_CODES[refused.code]
            raise HttpError(code, refused.message, refused.code.name) from refused
        return {} if response is None else json.loads(type(response).to_json(response))

    def _create(self, request: types.CreateSecretRequest) -> types.Secret:
        name = f"{request.parent}/secrets/{request.secret_id}"
        if not re.fullmatch(_NAME, name, re.ASCII):
            raise invalid(f"{name} is not projects/PROJECT/secrets/SECRET.")
        secret = types.Secret(request.secret)
        _check_fields(types.Secret.pb(secret), SECRET_FIELDS)
        if "replication" not in secret:
            raise invalid("A secret needs a replication; {'automatic': {}} will do.")
        if self._path(name).exists():
            raise exists(f"Secret [{name}] already exists.")
        secret.name, secret.create_time = name, datetime.now(UTC)
        self._write(_Record(secret, [], []))
        return secret

    def _list(self, request: types.ListSecretsRequest) -> types.ListSecretsResponse:
        _check_filter(request.filter)
        prefix = f"{request.parent}/secrets/".replace("/", "~")
        secrets = [_Record.read(path).secret for path in sorted(self._dir.glob(f"{prefix}*.json"))]
        found, token = page(secrets, request.page_size, request.page_token)
        return types.ListSecretsResponse(
            secrets=found, next_page_token=token, total_size=len(secrets)
        )

    def _get(self, request: types.GetSecretRequest) -> types.Secret:
        return self._read(request.name).secret

    def _delete(self, request: types.DeleteSecretRequest) -> None:
        self._read(request.name)
        self._path(request.name).unlink()

    def _add(self, request: types.AddSecretVersionRequest) -> types.SecretVersion:
        record = self._read(request.parent)
        payload = request.payload
        if len(payload.data) > PAYLOAD_MAX_BYTES:
            raise invalid(f"A payload has at most {PAYLOAD_MAX_BYTES} bytes.")
        is_checked = "data_crc32c" in payload
        if is_checked and payload.data_crc32c != google_crc32c.value(payload.data):
            raise invalid("The payload's CRC32C is not that of its data; it was damaged.")
        version = types.SecretVersion(
            name=f"{request.parent}/versions/{len(record.versions) + 1}",
            create_time=datetime.now(UTC),
            state=State.ENABLED,
            replication_status={"automatic": {}},
            client_specified_payload_checksum=is_checked,
        )
        record.versions.append(version)
        record.payloads.append(payload.data)
        self._write(record)
        return version

    def _versions(
        self, request: types.ListSecretVersionsRequest
    ) -> types.ListSecretVersionsResponse:
        _check_filter(request.filter)
        versions = self._read(request.parent).versions[::-1]
        found, token = page(versions, request.page_size, request.page_token)
        return types.ListSecretVersionsResponse(
            versions=found, next_page_token=token, total_size=len(versions)
        )

    def _version(self, request: types.GetSecretVersionRequest) -> types.SecretVersion:
        record, index = self._find(request.name)
        return record.versions[index]

    def _access(
        self, request: types.AccessSecretVersionRequest
    ) -> types.AccessSecretVersionResponse:
        record, index = self._find(request.name)
        version, data = record.versions[index], record.payloads[index]
        if version.state != State.ENABLED:
            raise precondition(f"Secret Version [{version.name}] is in {version.state.name} state.")
        payload = types.SecretPayload(data=data, data_crc32c=google_crc32c.value(data))
        return types.AccessSecretVersionResponse(name=version.name, payload=payload)

    def _set_state(self, state: Any, request: Any) -> types.SecretVersion:
        record, index = self._find(request.name)
        version = record.versions[index]
        if version.state == State.DESTROYED:
            raise precondition(f"Secret Version [{version.name}] is in DESTROYED state.")
        version.state = state
        if state == State.DESTROYED:
            version.destroy_time = datetime.now(UTC)
            record.payloads[index] = b""
        self._write(record)
        return version

    def _find(self, name: str) -> tuple["_Record", int]:
        """Return a secret and the index of one of its versions, by number or ``latest``."""
        if not re.fullmatch(_VERSION, name, re.ASCII):
            raise invalid(f"{name} is not projects/PROJECT/secrets/SECRET/versions/VERSION.")
        secret, _, number = name.partition("/versions/")
        record = self._read(secret)
        wanted = len(record.versions) if number == "latest" else int(number)
        if not 0 < wanted <= len(record.versions):
            raise not_found(f"Secret Version [{name}] not found.")
        return record, wanted - 1

    def _read(self, name: str) -> "_Record":
        path = self._path(name)
        if not path.exists():
            raise not_found(f"Secret [{name}] not found.")
        return _Record.read(path)

    def _write(self, record: "_Record") -> None:
        path = self._path(record.secret.name)
        unfinished = path.with_suffix(".partial")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(record.document(), file)
        unfinished.replace(path)

    def _path(self, name: str) -> Path:
        return self._dir / f"{name.replace('/', '~')}.json"


@dataclass(slots=True)
class _Record:
    """A secret with its versions, oldest first, and their payloads; a destroyed one's is empty."""

    secret: types.Secret
    versions: list[types.SecretVersion]
    payloads: list[bytes]

    @classmethod
    def read(cls, path: Path) -> "_Record":
        document = json.loads(path.read_text())
        return cls(
            types.Secret.from_json(json.dumps(document["secret"])),
            [types.SecretVersion.from_json(json.dumps(each)) for each in document["versions"]],
            [base64.b64decode(each) for each in document["payloads"]],
        )

    def document(self) -> dict[str, Any]:
        return {
            "secret": json.loads(types.Secret.to_json(self.secret)),
            "versions": [json.loads(types.SecretVersion.to_json(each)) for each in self.versions],
            "payloads": [base64.b64encode(each).decode() for each in self.payloads],
        }


def _check_fields(message: Any, emulated: frozenset[str]) -> None:
    if surplus := {descriptor.name for descriptor, _ in message.ListFields()} - emulated:
        raise not_emulated(f"A secret with {', '.join(sorted(surplus))}")


def _check_filter(expression: str) -> None:
    if expression:
        raise not_emulated("A filter")
