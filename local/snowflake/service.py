"""What the server does, without HTTP: sessions by token, statements by request."""

from __future__ import annotations

import json
import secrets
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from local.snowflake import errors, logins, replies
from local.snowflake.engine import Engine
from local.snowflake.errors import SnowflakeError
from local.snowflake.faults import FaultKind, Faults
from local.snowflake.jobs import Job, run, statement_parameters
from local.snowflake.replies import MASTER_TOKEN_VALID_S, Json
from local.snowflake.session import Session

_REQUESTS_KEPT = 1000
_STATEMENTS_KEPT = 1000
_SESSION_EXPIRED = 390112
_SESSION_GONE = 390111


class ResetConnectionError(Exception):
    """Close the connection without an answer."""


@dataclass(slots=True)
class _Login:
    """A session and the tokens by which requests find it."""

    session: Session
    token: str
    master_token: str
    is_expired: bool = False
    used_at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Service:
    """Sessions and statements of one server."""

    engine: Engine
    users_file: Path
    faults: Faults = field(default_factory=Faults)
    statements: deque[Json] = field(default_factory=lambda: deque(maxlen=_STATEMENTS_KEPT))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _logins: dict[str, _Login] = field(default_factory=dict)
    _requests: OrderedDict[str, Future[str]] = field(default_factory=OrderedDict)
    _running: dict[str, Session] = field(default_factory=dict)

    def log_in(self, options: Mapping[str, str], data: Json) -> Json:
        """Open a session; `options` are the request's names of database, schema, …

        Raises:
            SnowflakeError: the credentials are not valid.
        """
        logins.check(self.users_file, data)
        self._close_idle()
        session = Session(
            engine=self.engine,
            user=str(data.get("LOGIN_NAME") or "").upper(),
            account=str(data.get("ACCOUNT_NAME") or "").upper(),
            role=(options.get("roleName") or "ACCOUNTADMIN").upper(),
            warehouse=(options.get("warehouse") or "").upper() or None,
        )
        _use_defaults(session, options)
        for name, value in (data.get("SESSION_PARAMETERS") or {}).items():
            if name.upper() in session.parameters:
                session.set_parameter(name.upper(), value)
        login = _Login(session, secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        with self._lock:
            self._logins[login.token] = login
        return replies.login(session, login.token, login.master_token)

    def renew(self, token: str) -> Json:
        """Exchange a master token for a new session token; the session goes on."""
        with self._lock:
            login = next((a for a in self._logins.values() if a.master_token == token), None)
            if login is None:
                raise _no_session()
            del self._logins[login.token]
            login.token, login.master_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
            login.is_expired = False
            self._logins[login.token] = login
        return replies.renewal(login.session, login.token, login.master_token)

    def log_out(self, token: str) -> None:
        """End a session; an open transaction is rolled back."""
        with self._lock:
            login = self._logins.pop(token, None)
        if login is not None:
            login.session.close()

    def _close_idle(self) -> None:
        """End sessions that have not been used for as long as their tokens last."""
        oldest = time.monotonic() - MASTER_TOKEN_VALID_S
        for token in [token for token, login in self._logins.items() if login.used_at < oldest]:
            self.log_out(token)

    def session(self, token: str) -> Session:
        """The session of a token.

        Raises:
            SnowflakeError: 390111, there is none; 390112, the token is to be renewed.
        """
        with self._lock:
            login = self._logins.get(token)
        if login is None:
            raise _no_session()
        if login.is_expired:
            raise _expired()
        login.used_at = time.monotonic()
        return login.session

    def query(self, token: str, request_id: str, request: Json, address: str) -> bytes:
        """Execute a statement and return the reply's JSON; a repeated request gets the same reply.

        Args:
            token: of the session.
            request_id: chosen by the client, the same when it sends the request again.
            request: `sqlText`, `bindings`, …
            address: host and port by which the client can reach this server.

        Raises:
            SnowflakeError: there is no such session.
            ResetConnectionError: a fault.
        """
        session = self.session(token)
        faults = self.faults.take(str(request.get("sqlText") or ""))
        if FaultKind.EXPIRE_SESSION in faults:
            self._expire(token)
            raise _expired()
        reset = faults.get(FaultKind.RESET)
        if reset is not None and reset.when != "after":
            raise ResetConnectionError
        job = Job(
            query_id=str(uuid.uuid4()),
            request_id=request_id,
            request=request,
            address=address,
            faults=faults,
        )
        query_id = self._once(session, job)
        if reset is not None:
            raise ResetConnectionError
        reply = self.engine.results.reply(query_id)
        if reply is None:
            raise errors.internal_error(f"the result of {query_id} is gone")
        return reply

    def _once(self, session: Session, job: Job) -> str:
        """Run a request unless it ran already or is running; return its query id."""
        with self._lock:
            known = self._requests.get(job.request_id)
            if known is None:
                mine: Future[str] = Future()
                self._requests[job.request_id] = mine
                while len(self._requests) > _REQUESTS_KEPT:
                    self._requests.popitem(last=False)
        if known is not None:
            return known.result()
        try:
            with session.lock:
                self._running[job.request_id] = session
                reply = self._run(session, job)
                self.engine.results.keep_reply(job.query_id, json.dumps(reply).encode())
        finally:
            self._running.pop(job.request_id, None)
            mine.set_result(job.query_id)
        return job.query_id

    def _run(self, session: Session, job: Job) -> Json:
        try:
            with statement_parameters(session, job):
                self._note(session, job)
                return run(session, job)
        except SnowflakeError as error:
            return replies.failure(error, job.query_id)

    def _note(self, session: Session, job: Job) -> None:
        self.statements.append(
            {
                "query_id": job.query_id,
                "request_id": job.request_id,
                "sql": job.sql,
                "query_tag": session.parameters["QUERY_TAG"],
                "user": session.user,
                "session_id": session.id,
                "started_us": self.engine.clock.now_us(),
            }
        )

    def abort(self, request_id: str) -> None:
        """Cancel the statement of a request, if it still runs."""
        session = self._running.get(request_id)
        if session is not None:
            session.cancellation.cancel()

    def _expire(self, token: str) -> None:
        with self._lock:
            self._logins[token].is_expired = True

    def close(self) -> None:
        """Cancel what runs, end all sessions and write all data to the files."""
        for token, login in list(self._logins.items()):
            login.session.cancellation.cancel()
            self.log_out(token)
        self.engine.close()


def _use_defaults(session: Session, options: Mapping[str, str]) -> None:
    """Make the login's database and schema current; one that does not exist is left out."""
    database, schema = options.get("databaseName"), options.get("schemaName")
    try:
        if database:
            session.use_database(_identifier(database))
            if schema:
                session.schema = None
                session.use_schema(None, _identifier(schema))
    except SnowflakeError:
        return


def _identifier(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.upper()


def _expired() -> SnowflakeError:
    return SnowflakeError(
        _SESSION_EXPIRED, "08001", "Your session has expired. Please login again."
    )


def _no_session() -> SnowflakeError:
    text = "Session no longer exists. New login required to access the service."
    return SnowflakeError(_SESSION_GONE, "08001", text)
