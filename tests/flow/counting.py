"""What one run asks of the services around it, as the other end of each wire sees it.

The steps run in this process, one after the other, each as an instance of its own: with a lease
that no run outlasts, since how often one is renewed depends on the machine, and with topics to
which nobody listens but this process.
"""

import base64
import json
import urllib.request
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from google.api_core.exceptions import AlreadyExists

from shared.core.deliveries import Delivery
from shared.core.messages import IngestRequest, LoadRequest, decode_extract
from shared.settings import TOPICS
from shared.steps.extract import extract
from shared.steps.ingest import ingest
from shared.steps.load import load
from shared.wiring import Services
from tests.flow.cloud import TIMEOUT_S, Cloud

PROJECT = "counted"
"""Of the topics."""

LEASE_S = 3_600.0

STEPS: dict[str, tuple[Callable[[Delivery], Any], Callable[[Any, Services], None]]] = {
    "extract": (decode_extract, extract),
    "ingest": (IngestRequest.decode, ingest),
    "load": (LoadRequest.decode, load),
}

LOGIN_AND_LOGOUT = 2
"""Requests of a session of Snowflake besides its statements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All that was asked for one table."""

    requests: tuple[dict[str, Any], ...]
    """Of Cloud Storage."""
    messages: tuple[str, ...]
    """Topics of what was published, the trigger included."""
    statements: tuple[dict[str, Any], ...]
    """Of Snowflake."""
    part_bytes: int = 0
    """Size of the parts that were staged."""
    file_bytes: int = 0
    """Size of the file that was taken in."""

    @property
    def storage_calls(self) -> int:
        """Requests to Cloud Storage."""
        return len(self.requests)

    @property
    def ledger_writes(self) -> int:
        """Writes of run records."""
        return sum("/ledger/runs/" in r["object"] and r["method"] == "POST" for r in self.requests)

    @property
    def message_count(self) -> int:
        """Messages published."""
        return len(self.messages)

    @property
    def source_calls(self) -> int:
        """Statements to Snowflake, logins and logouts."""
        sessions = {s["session_id"] for s in self.statements}
        return len(self.statements) + LOGIN_AND_LOGOUT * len(sessions)

    def received(self, zone: str, folder: str = "") -> int:
        """Bytes that Cloud Storage received for objects of a zone, or of a folder in it."""
        return sum(r["received"] for r in self._at(zone, folder))

    def sent(self, zone: str, folder: str = "") -> int:
        """Bytes of objects that Cloud Storage sent."""
        media = (r for r in self._at(zone, folder) if r["query"].get("alt") == "media")
        return sum(r["sent"] for r in media)

    def _at(self, zone: str, folder: str) -> list[dict[str, Any]]:
        return [r for r in self.requests if f"-{zone}/{folder}" in r["object"]]


@dataclass(frozen=True, slots=True)
class Counter:
    """Does runs, and counts what they ask for."""

    cloud: Cloud

    def __post_init__(self) -> None:
        """Make the topics."""
        services = self._instance()
        for name in TOPICS:
            with suppress(AlreadyExists):
                services.bus._connect().create_topic(name=services.settings.topic(name))

    def run(self, table: str, topic: str, delivery: Delivery) -> Asked:
        """Deliver a message of a table, and all that follow from it; return what that took."""
        before = self._asked(table)
        waiting, messages = [(topic, delivery)], 0
        while waiting:
            name, each = waiting.pop(0)
            decode, step = STEPS[name]
            step(decode(each), self._instance())
            messages += 1
            waiting += self._published(table)[len(before.messages) + messages - 1 :]
        after = self._asked(table)
        requests = after.requests[len(before.requests) :]
        return Asked(
            requests=requests,
            messages=(topic, *after.messages[len(before.messages) :]),
            statements=after.statements[len(before.statements) :],
            part_bytes=self._part_bytes(requests),
        )

    def _instance(self) -> Services:
        """Return the services of an instance that has seen nothing yet."""
        settings = self.cloud.services.settings
        ours = replace(settings, project=PROJECT, lease_s=LEASE_S)
        return replace(Services.build(settings), settings=ours)

    def _asked(self, table: str) -> Asked:
        described = self.cloud.background.described
        requests = _get(f"{described['env']['STORAGE_EMULATOR_HOST']}/_requests")
        statements = _get(f"{described['snowflake']}/_statements")
        return Asked(
            requests=tuple(r for r in requests if _is_of(table, r)),
            messages=tuple(topic for topic, _ in self._published(table)),
            statements=tuple(s for s in statements if f'"table": "{table}"' in s["query_tag"]),
        )

    def _published(self, table: str) -> list[tuple[str, Delivery]]:
        """Return what was ever published for a table to these topics."""
        found = _get(f"{self.cloud.background.described['control']}/_published")
        ours = [m for m in found if m["topic"].startswith(f"projects/{PROJECT}/")]
        read = [
            (m["topic"].rpartition("-")[2], delivery(base64.b64decode(m["data"]))) for m in ours
        ]
        return [(topic, d) for topic, d in read if json.loads(d.data)["table"] == table]

    def _part_bytes(self, requests: Iterable[dict[str, Any]]) -> int:
        bucket = self.cloud.services.settings.bucket("staging")
        folder = f"{bucket}/parts/"
        names = {r["object"] for r in requests if r["object"].startswith(folder)}
        storage = self.cloud.services.storage
        found = [storage.info(bucket, n.removeprefix(f"{bucket}/")) for n in names]
        return sum(part.size_bytes for part in found if part)


def delivery(
    data: bytes = b"", published_at: datetime | None = None, **attributes: str
) -> Delivery:
    """Return a message as a push brings it."""
    return Delivery(
        message_id=uuid.uuid4().hex,
        published_at=published_at or datetime.now(UTC),
        data=data,
        attributes=attributes,
    )


def _is_of(table: str, request: dict[str, Any]) -> bool:
    """Say whether an object, or the prefix of a listing, lies in a folder of the table."""
    place = f"{request['object']}{request['query'].get('prefix', '')}"
    return table in place.removesuffix(".json").split("/")


def _get(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as reply:
        found: list[dict[str, Any]] = json.load(reply)
    return found
