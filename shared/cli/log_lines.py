"""Where the functions' log lines are: in files on a laptop, in Cloud Logging when deployed.

Both are read the same way: each call returns the lines that have come since the one before, in the
order of their time, so following is reading again. A line is what ``shared.logs`` wrote, a JSON
object.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from shared.errors import InvalidConfigError, StorageUnavailableError
from shared.settings import TOPICS

ENDPOINT = "https://logging.googleapis.com/v2"
SCOPE = "https://www.googleapis.com/auth/logging.read"
TIMEOUT_S = 30.0

PAGE = 1000
"""Entries of one answer. Source: Cloud Logging, entries.list: at most 1000."""

SEVERITIES = ("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL")
"""In rising order. Source: Cloud Logging, LogSeverity; Python has no NOTICE."""

Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines are asked for."""

    table: str = ""
    run_id: str = ""
    """The beginning of an id is enough."""
    severity: str = "INFO"
    """This one and those above."""
    since: datetime

    def takes(self, line: Mapping[str, Any]) -> bool:
        """Say whether a line is one of them."""
        return (
            (not self.table or line.get("table") == self.table)
            and str(line.get("run_id", "")).startswith(self.run_id)
            and _rank(line.get("severity")) >= _rank(self.severity)
            and datetime.fromisoformat(line["time"]) >= self.since
        )


class LogLines(Protocol):
    """A place with log lines."""

    def new(self, limit: int | None = None) -> list[Line]:
        """Return the lines that have come since the last call, or the newest so many of them.

        They are in the order of their time, whichever are asked for.
        """


class LogFiles:
    """The files that the functions of a cloud on this machine write to."""

    def __init__(self, paths: Sequence[Path], wanted: Wanted) -> None:
        self._read: dict[Path, int] = dict.fromkeys(paths, 0)
        self._wanted = wanted

    def new(self, limit: int | None = None) -> list[Line]:
        """Return the lines that have come since the last call, or the newest so many of them."""
        found = [line for path in self._read for line in self._of(path)]
        return sorted(found, key=lambda line: str(line["time"]))[-limit if limit else 0 :]

    def _of(self, path: Path) -> Iterator[Line]:
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._read[path])
            data = file.read()
        whole = data.rfind(b"\n") + 1  # a line that is being written comes with the next call
        self._read[path] += whole
        for text in data[:whole].splitlines():
            line = _parsed(text)
            if line is not None and self._wanted.takes(line):
                yield line


class CloudLogging:
    """The log of a deployed environment, asked with the credentials of whoever asks."""

    def __init__(
        self, session: Any, project: str, prefix: str, wanted: Wanted, endpoint: str = ENDPOINT
    ) -> None:
        self._session, self._project, self._prefix = session, project, prefix
        self._wanted, self._endpoint = wanted, endpoint
        self._from = wanted.since
        self._seen: dict[str, datetime] = {}

    def new(self, limit: int | None = None) -> list[Line]:
        """Return the lines that have come since the last call, or the newest so many of them.

        With a limit the newest are asked for first, so that the others are not read. A line may
        come a little later than its time says, so each call looks back a minute, but never behind
        the oldest line of a limited answer.

        Raises:
            InvalidConfigError: these credentials may not read logs.
            StorageUnavailableError: Cloud Logging does not answer properly.
        """
        found = []
        entries = list(islice(self._entries(limit), limit))
        if limit:
            entries.reverse()
            if len(entries) == limit:
                self._from = max(self._from, datetime.fromisoformat(entries[0]["timestamp"]))
        for entry in entries:
            at = datetime.fromisoformat(entry["timestamp"])
            if entry["insertId"] not in self._seen:
                self._seen[entry["insertId"]] = at
                found.append(self._line(entry))
                self._from = max(self._from, at - timedelta(minutes=1))
        self._seen = {id_: at for id_, at in self._seen.items() if at >= self._from}
        return found

    def _entries(self, limit: int | None) -> Iterator[dict[str, Any]]:
        body: dict[str, Any] = {
            "resourceNames": [f"projects/{self._project}"],
            "filter": self._filter(),
            "orderBy": "timestamp desc" if limit else "timestamp asc",
            "pageSize": min(limit or PAGE, PAGE),
        }
        while True:
            page = self._asked(body)
            yield from page.get("entries", ())
            if not page.get("nextPageToken"):
                return
            body["pageToken"] = page["nextPageToken"]

    def _asked(self, body: dict[str, Any]) -> dict[str, Any]:
        from requests.exceptions import RequestException

        url = f"{self._endpoint}/entries:list"
        try:
            reply = self._session.post(url, json=body, timeout=TIMEOUT_S)
        except RequestException as exc:
            raise StorageUnavailableError(f"Cloud Logging does not answer: {exc}") from exc
        if reply.status_code == 403:
            raise InvalidConfigError(
                f"these credentials may not read the logs of {self._project}: they need "
                "roles/logging.viewer; `gcloud auth application-default login` takes others"
            )
        if not reply.ok:
            raise StorageUnavailableError(f"Cloud Logging: {reply.status_code} {reply.text[:300]}")
        page: dict[str, Any] = reply.json()
        return page

    def _filter(self) -> str:
        """Return the question. Source: Cloud Logging, "Logging query language"."""
        services = " OR ".join(_quoted(f"{self._prefix}-{name}") for name in (*TOPICS, "api"))
        parts = [
            'resource.type="cloud_run_revision"',
            f"resource.labels.service_name=({services})",
            "jsonPayload.logger:*",
            f"severity>={self._wanted.severity}",
            f'timestamp>="{self._from.isoformat()}"',
        ]
        if self._wanted.table:
            parts.append(f"jsonPayload.table={_quoted(self._wanted.table)}")
        if self._wanted.run_id:
            parts.append(f"jsonPayload.run_id:{_quoted(self._wanted.run_id)}")
        return " AND ".join(parts)

    def _line(self, entry: Mapping[str, Any]) -> Line:
        """Return the line that was written; Cloud Logging takes time and severity out of it."""
        fields = entry.get("jsonPayload", {})
        return {"severity": entry.get("severity", ""), "time": entry["timestamp"], **fields}


def _parsed(text: bytes) -> Line | None:
    """Return a log line; None of what a server or a crash wrote beside them."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    is_ours = isinstance(line, dict) and {"time", "severity", "message", "logger"} <= line.keys()
    return line if is_ours else None


def _rank(severity: object) -> int:
    return SEVERITIES.index(str(severity)) if severity in SEVERITIES else 0


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
