"""Resumable uploads under way: they outlive their connections, and the emulator's process.

A session that ended keeps its answer, so that a caller whose reply was lost gets it again.
"""

import json
import threading
import time
import uuid
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any

from local.gcs.conditions import Conditions
from local.gcs.contents import Contents, Spool
from local.gcs.database import Database
from local.gcs.errors import ApiError
from local.gcs.records import Address
from local.gcs.resources import dumps

LIFETIME_S = 7 * 86_400.0
"""After this long a session is gone. Source: Cloud Storage, "Resumable uploads"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a session ended: the answer to every later request."""

    status: int
    document: dict[str, Any]

    @property
    def is_success(self) -> bool:
        """Whether there is an object."""
        return self.status == HTTPStatus.OK


@dataclass(slots=True, kw_only=True)
class Session:
    """One upload. Whoever uses it holds its lock."""

    session_id: str
    address: Address
    attributes: dict[str, Any]
    """Of the object to be; may hold declared hashes under `crc32c` and `md5Hash`."""
    conditions: Conditions
    declared_bytes: int | None
    """The size announced when the session began, if any."""
    spool: Spool
    outcome: Outcome | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """All sessions, in memory while used and in the catalogue for good."""

    def __init__(self, database: Database, contents: Contents) -> None:
        """Find the sessions of an earlier process, and forget those that are too old."""
        self._database = database
        self._contents = contents
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}
        with database.transaction() as tx:
            oldest = time.time() - LIFETIME_S
            tx.execute("DELETE FROM upload_sessions WHERE started_at < ?", (oldest,))

    def begin(
        self,
        address: Address,
        attributes: dict[str, Any],
        conditions: Conditions,
        declared_bytes: int | None,
    ) -> Session:
        """Start an upload."""
        session = Session(
            session_id=uuid.uuid4().hex,
            address=address,
            attributes=attributes,
            conditions=conditions,
            declared_bytes=declared_bytes,
            spool=self._contents.spool(),
        )
        row = (
            *(session.session_id, address.bucket, address.name, dumps(attributes)),
            *(dumps(asdict(conditions)), declared_bytes, session.spool.file_id, time.time()),
        )
        with self._database.transaction() as tx:
            tx.execute("INSERT INTO upload_sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", row)
        with self._lock:
            self._open[session.session_id] = session
        return session

    def get(self, session_id: str) -> Session:
        """Return a session that was begun and not cancelled.

        Raises:
            ApiError: 404.
        """
        with self._lock:
            session = self._open.get(session_id) or self._load(session_id)
            if session.outcome is None:
                self._open[session_id] = session
            return session

    def finish(self, session: Session, outcome: Outcome) -> None:
        """Keep the answer; part of the caller's transaction, if there is one."""
        with self._database.transaction() as tx:
            tx.execute(
                "UPDATE upload_sessions SET outcome = ? WHERE id = ?",
                (dumps(asdict(outcome)), session.session_id),
            )
            self._database.after_commit(lambda: self._close(session, outcome))

    def cancel(self, session_id: str) -> None:
        """Forget a session and its bytes.

        Raises:
            ApiError: 404.
        """
        session = self.get(session_id)
        with session.lock, self._database.transaction() as tx:
            tx.execute("DELETE FROM upload_sessions WHERE id = ?", (session_id,))
            gone = Outcome(status=404, document=_unknown(session_id).document())
            self._database.after_commit(lambda: self._close(session, gone))

    def file_ids(self) -> Collection[str]:
        """Return the files of the sessions that are not finished."""
        with self._database.reading() as tx:
            rows = tx.execute("SELECT file_id FROM upload_sessions WHERE outcome IS NULL")
            return {file_id for (file_id,) in rows}

    def _close(self, session: Session, outcome: Outcome) -> None:
        """Drop it from memory; its file stays only as the content of an object."""
        session.outcome = outcome
        session.spool.close()
        if not outcome.is_success:
            self._contents.remove(session.spool.file_id)
        with self._lock:
            self._open.pop(session.session_id, None)

    def _load(self, session_id: str) -> Session:
        with self._database.reading() as tx:
            row = tx.execute(
                "SELECT bucket, name, attributes, conditions, declared_bytes, file_id, outcome "
                "FROM upload_sessions WHERE id = ?",
                (session_id,),
            ).fetchone()
        if row is None:
            raise _unknown(session_id)
        bucket, name, attributes, conditions, declared_bytes, file_id, outcome = row
        return Session(
            session_id=session_id,
            address=Address(bucket=bucket, name=name),
            attributes=json.loads(attributes),
            conditions=Conditions(**json.loads(conditions)),
            declared_bytes=declared_bytes,
            spool=self._contents.spool() if outcome else self._contents.resume(file_id),
            outcome=Outcome(**json.loads(outcome)) if outcome else None,
        )


def _unknown(session_id: str) -> ApiError:
    return ApiError(404, "notFound", f"No such upload session: {session_id}; begin a new upload.")
