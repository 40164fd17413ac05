"""One request for a statement, from the moment it has a session to the JSON of its reply."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.snowflake import errors, replies
from local.snowflake.errors import SnowflakeError
from local.snowflake.faults import Fault, FaultKind
from local.snowflake.replies import Json
from local.snowflake.session import Session
from local.snowflake.statements import describe_only, execute, running


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A statement to execute.

    `request_id` is the client's, the same when it sends the request again; `address` is the host
    and port by which it reaches this server; `faults` are those that are to happen.
    """

    query_id: str
    request_id: str
    request: Json
    address: str
    faults: Mapping[FaultKind, Fault]

    @property
    def sql(self) -> str:
        """The statement's text."""
        return str(self.request.get("sqlText") or "")


def run(session: Session, job: Job) -> Json:
    """Execute a statement; whatever happens, there is a reply."""
    try:
        with running(session, job.query_id):
            _inject(session, job.faults)
            data = _execute(session, job)
    except SnowflakeError as error:
        return replies.failure(error, job.query_id)
    except Exception as error:  # noqa: BLE001 - a defect must not become an HTTP 500
        traceback.print_exc(file=sys.stderr)
        defect = errors.internal_error(f"{type(error).__name__}: {error}")
        return replies.failure(defect, job.query_id)
    if FaultKind.EXPIRE_CHUNKS in job.faults:
        session.engine.results.expire_chunks(job.query_id)
    return replies.success(data)


@contextlib.contextmanager
def statement_parameters(session: Session, job: Job) -> Iterator[None]:
    """Set the session parameters that a request carries, for its statement alone.

    Raises:
        SnowflakeError: an unknown parameter or a bad value.
    """
    parameters: Mapping[str, Any] = job.request.get("parameters") or {}
    before = {name: session.parameters.get(name.upper(), "") for name in parameters}
    try:
        for name, value in parameters.items():
            session.set_parameter(name.upper(), value)
        yield
    finally:
        for name, value in before.items():
            if name.upper() in session.parameters:
                session.set_parameter(name.upper(), value)


def _inject(session: Session, faults: Mapping[FaultKind, Fault]) -> None:
    slow = faults.get(FaultKind.SLOW)
    if slow is not None and session.cancellation.requested.wait(slow.delay_s):
        if session.cancellation.is_timeout:
            timeout_s = int(session.parameters["STATEMENT_TIMEOUT_IN_SECONDS"])
            raise errors.statement_timeout(timeout_s)
        raise errors.canceled()
    error = faults.get(FaultKind.ERROR)
    if error is not None:
        raise SnowflakeError(error.errno, error.sqlstate, error.message)


def _execute(session: Session, job: Job) -> Json:
    if job.request.get("describeOnly"):
        described, binds = describe_only(session, job.sql)
        return replies.description(session, described, job.query_id, binds)
    outcome = execute(session, job.sql, job.request.get("bindings"), job.query_id)
    if outcome.counts:
        return replies.counts(session, outcome, job.query_id)
    stored = session.engine.results.write(
        job.query_id,
        outcome.batches,
        outcome.columns,
        has_uneven_widths=FaultKind.UNEVEN_WIDTHS in job.faults,
    )
    return replies.rows(session, outcome, job.query_id, stored, address=job.address)
