"""Jobs that happen once: an id can be used once, so the id says what the job is for.

Whoever repeats one finds it by its id, waits for it, and takes its outcome for its own. A job that
failed has burnt its id; the next attempt takes the next number.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.config.connections import BigQueryConnection
from shared.errors import TargetUnavailableError
from shared.metering import meter
from shared.targets.bigquery import connection

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

MAX_FAILURES = 50
"""So often the same job may fail, over all attempts of its run; Pub/Sub gives up long before."""

Start = Callable[[str], Any]
"""Starts a job of an id and returns it."""


@dataclass(frozen=True, slots=True)
class Done:
    """A job that succeeded; ``is_ours``: it was started here, not found."""

    job: Any
    is_ours: bool


class Jobs:
    """Runs jobs of one table: each with labels, so that its cost can be found."""

    def __init__(self, reach: BigQueryConnection, labels: Mapping[str, str]) -> None:
        self._place = f"{reach.project} ({reach.location})"
        self.client: Client = connection.connect(reach)
        self.labels = dict(labels)

    def query(self, statement: str, **values: Any) -> Any:
        """Run a query that changes nothing and return its rows."""
        from google.cloud.bigquery import QueryJobConfig

        config = QueryJobConfig(labels=self.labels, query_parameters=list(_parameters(values)))
        with self.failures():
            return self.client.query_and_wait(
                statement, job_config=config, wait_timeout=connection.WAIT_S
            )

    def define(self, statement: str) -> None:
        """Run a statement that defines a table, and may be run again."""
        self.query(statement)

    def scanned_bytes(self, statement: str) -> int:
        """Return how many bytes a statement would read, and be billed for, at most."""
        from google.cloud.bigquery import QueryJobConfig

        config = QueryJobConfig(dry_run=True, use_query_cache=False, labels=self.labels)
        with self.failures():
            return int(self.client.query(statement, job_config=config).total_bytes_processed or 0)

    def script(self, stem: str, statement: str, values: Mapping[str, Any]) -> Done:
        """Run a script once; ``stem`` is its id without the number of the attempt.

        Raises:
            SluiceError: it failed, and nothing of it is left.
        """
        from google.cloud.bigquery import QueryJobConfig

        config = QueryJobConfig(labels=self.labels, query_parameters=list(_parameters(values)))
        return self.once(
            stem,
            lambda job_id: self.client.query(
                statement, job_config=config, job_id=job_id, job_retry=None
            ),
        )

    def once(self, stem: str, start: Start, *, is_upload: bool = False) -> Done:
        """Start a job, unless one of its ids succeeded or is under way; wait for its end.

        Args:
            stem: its id without the number of the attempt.
            start: starts it.
            is_upload: it is looked for first, rather than found when the id turns out to be taken.

        Raises:
            SluiceError: the job started here failed.
            TargetUnavailableError: it goes on for longer than we wait.
        """
        from google.api_core.exceptions import Conflict

        for number in range(MAX_FAILURES):
            job_id = f"{stem}_{number}"
            job, is_ours = self.find(job_id) if is_upload else None, False
            if job is None:
                with self.failures():
                    try:
                        job, is_ours = start(job_id), True
                    except Conflict:
                        job = self.client.get_job(job_id)
            if self._succeeds(job, is_ours=is_ours):
                return Done(job, is_ours)
        raise TargetUnavailableError(f"{stem} failed {MAX_FAILURES} times", job=stem)

    def find(self, job_id: str) -> Any:
        """Return a job; None when there never was one."""
        from google.api_core.exceptions import NotFound

        with self.failures():
            try:
                return self.client.get_job(job_id)
            except NotFound:
                return None

    def succeeded(self, stem: str) -> bool:
        """Say whether one of a job's ids has succeeded; those that failed come before it."""
        for number in range(MAX_FAILURES):
            job = self.find(f"{stem}_{number}")
            if job is None or job.state != "DONE":
                return False
            if job.error_result is None:
                return True
        return False

    def failures(self) -> Any:
        """Turn the client's failures into ours."""
        return connection.failures(self._place)

    def _succeeds(self, job: Any, *, is_ours: bool) -> bool:
        """Wait for a job; False when somebody else's failed.

        Raises:
            SluiceError: our own failed.
        """
        from google.api_core.exceptions import GoogleAPICallError

        with self.failures():
            try:
                job.result(timeout=connection.WAIT_S, **_no_retry(job))
            except GoogleAPICallError:
                if is_ours or job.error_result is None:
                    raise
                return False
        if is_ours:
            meter.billed_bytes += int(getattr(job, "total_bytes_billed", None) or 0)
        return True


def _no_retry(job: Any) -> dict[str, None]:
    """Return what keeps the client from running a failed query under another id."""
    return {"job_retry": None} if job.job_type == "query" else {}


def _parameters(values: Mapping[str, Any]) -> Iterator[Any]:
    from datetime import datetime

    from google.cloud.bigquery import ScalarQueryParameter

    for name, value in values.items():
        kind = "STRING"
        if isinstance(value, bool):
            kind = "BOOL"
        elif isinstance(value, int):
            kind = "INT64"
        elif isinstance(value, datetime):
            kind = "TIMESTAMP"
        yield ScalarQueryParameter(name, kind, value)
