"""Wraps everything that reaches out of a function's process, from outside of its code.

Every public method of ``Storage``, ``Bus`` and ``Secrets`` is wrapped by what kind of method it is,
a new one too. So are the HTTP requests below them, the two ``connect`` functions, and the entry
point, which says where a delivery begins and ends.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from types import MappingProxyType
from typing import Any

from local.faultpoints.bigquery_requests import request_name
from local.faultpoints.deliveries import Board, UnavailableError, current, delivery, io
from local.faultpoints.links import PostgresLink, SnowflakeLink
from local.faultpoints.points import object_kind
from local.faultpoints.sqlserver_links import SqlServerLink
from shared import entrypoint
from shared.bus import Bus
from shared.core.messages import UnitRequest
from shared.errors import SourceUnavailableError, StorageUnavailableError, TargetUnavailableError
from shared.secrets import Secrets
from shared.sources.snowflake import connection as snowflake_connection
from shared.storage import Storage
from shared.targets.postgres import connection as postgres_connection
from shared.targets.sqlserver import connection as sqlserver_connection

SEAMS: dict[type, str] = {Storage: "storage", Bus: "bus", Secrets: "secrets"}
"""Classes whose public methods are I/O, all of them."""

COVERED = frozenset(
    {
        "shared.media",
        "shared.storage.client",
        "shared.bus",
        "shared.secrets",
        "shared.sources.snowflake.connection",
        "shared.targets.postgres.connection",
        "shared.targets.sqlserver.connection",
        "shared.targets.sqlserver.drivers",
        # All of Google's client for BigQuery goes through ``requests``.
        *(
            f"shared.targets.bigquery.{name}"
            for name in ("bookkeeping", "connection", "jobs", "staging", "tables", "versions")
        ),
    }
)
"""The modules of the product that may reach for a driver or a socket."""

Undo = Callable[[], None]


def install(more: Mapping[type, str] = MappingProxyType({})) -> Undo:
    """Put all fault points in place; return what takes them away again.

    Args:
        more: classes that stand in for a seam's own, with the seam's name.
    """
    import requests

    replaced: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, wrapped: Any) -> None:
        replaced.append((owner, name, getattr(owner, name)))
        setattr(owner, name, wrapped)

    for owner, seam in {**SEAMS, **more}.items():
        for name in public_methods(owner):
            replace(owner, name, _method(seam, name, getattr(owner, name)))
    replace(requests.Session, "send", _http(requests.Session.send))
    replace(
        postgres_connection,
        "connect",
        _target("postgres", PostgresLink, postgres_connection.connect),
    )
    replace(
        sqlserver_connection,
        "connect",
        _target("sqlserver", SqlServerLink, sqlserver_connection.connect),
    )
    replace(snowflake_connection, "connect", _snowflake(snowflake_connection.connect))

    def undo() -> None:
        for owner, name, original in reversed(replaced):
            setattr(owner, name, original)

    return undo


def watch_deliveries(find_board: Callable[[], Board | None]) -> Undo:
    """Let every push that this process serves be a delivery on a board; return the way back."""
    push = entrypoint.push

    @functools.wraps(push)
    def watched(request: Any, decode: Callable[[Any], Any], step: Callable[..., None]) -> Any:
        board = find_board()
        if board is None:
            return push(request, decode, step)
        with delivery(step.__name__, board) as here:

            def note(message: Any) -> Any:
                decoded = decode(message)
                here.subject = _subject(decoded)
                if isinstance(decoded, UnitRequest):
                    here.step += " unit"
                elif getattr(decoded, "part", None) is not None:
                    here.step += " part"
                return decoded

            return push(request, note, step)

    entrypoint.push = watched

    def undo() -> None:
        entrypoint.push = push

    return undo


def _subject(message: Any) -> str:
    """Return the table that a message is about; a dropped file lies in its table's folder."""
    name = getattr(message, "table", None) or getattr(message, "name", "")
    return str(name).partition("/")[0]


def public_methods(owner: type) -> list[str]:
    """Return the names of a class's own public methods."""
    return [n for n, member in vars(owner).items() if not n.startswith("_") and callable(member)]


def _method(seam: str, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    about = _about(seam, method)
    if inspect.isgeneratorfunction(method):
        wrapped: Callable[..., Any] = _generator(seam, name, about, method)
    elif inspect.isgeneratorfunction(getattr(method, "__wrapped__", None)):
        wrapped = _context(seam, name, about, method)
    else:
        wrapped = _plain(seam, name, about, method)
    return functools.wraps(method)(wrapped)


def _plain(seam: str, name: str, about: Callable[..., str], method: Callable[..., Any]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        with io(seam, name, about(*args, **kwargs), _unreachable):
            return method(*args, **kwargs)

    return call


def _generator(seam: str, name: str, about: Callable[..., str], method: Callable[..., Any]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Iterator[Any]:
        items = method(*args, **kwargs)
        with io(seam, name, about(*args, **kwargs), _unreachable):
            first = list(islice(items, 1))
        # The answer is there with the first item; who asks may stop at any later one.
        yield from first
        yield from items

    return call


def _context(seam: str, name: str, about: Callable[..., str], method: Callable[..., Any]) -> Any:
    @contextmanager
    def call(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with io(seam, name, about(*args, **kwargs), _unreachable), method(*args, **kwargs) as it:
            yield it

    return call


def _about(seam: str, method: Callable[..., Any]) -> Callable[..., str]:
    """Say what a call is about, from its arguments."""
    signature = inspect.signature(method)

    def about(*args: Any, **kwargs: Any) -> str:
        given = signature.bind(*args, **kwargs).arguments
        if seam == "storage":
            return object_kind(given["bucket"], given.get("name") or given.get("prefix") or "")
        if seam == "bus":
            return f"{given['topic'].rpartition('-')[2]} request"
        return str(given["name"])

    return about


def _unreachable() -> Exception:
    return StorageUnavailableError("connection reset by peer")


def _http(send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    def call(session: Any, request: Any, **options: Any) -> Any:
        here = current()
        if here is None:
            return send(session, request, **options)
        about = here.inside[-1].about if here.inside else request_name(request) or ""
        try:
            with io("http", _http_operation(request), about, _reset):
                return send(session, request, **options)
        except UnavailableError:
            return _unavailable(request)

    return call


def _http_operation(request: Any) -> str:
    for sign in ("upload_id=", "uploadType=resumable", "alt=media", "rewriteTo"):
        if sign in request.url:
            return f"{request.method} {sign.strip('=').rpartition('=')[2]}"
    return str(request.method)


def _reset() -> Exception:
    import requests

    return requests.ConnectionError("connection reset by peer")


def _unavailable(request: Any) -> Any:
    """Answer 503, as a front end does when nothing behind it answers."""
    import requests

    response = requests.Response()
    response.status_code = 503
    response.reason = "Service Unavailable"
    response.url, response.request = request.url, request
    response._content = b"unavailable"
    return response


def _target(
    name: str, link_kind: type[PostgresLink | SqlServerLink], connect: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(connect)
    def call(*args: Any, **kwargs: Any) -> Any:
        here = current()
        if here is None:
            return connect(*args, **kwargs)
        link: PostgresLink | SqlServerLink | None = None

        def broken() -> Exception:
            if link:
                link.cut()
            return TargetUnavailableError("connection refused")

        with io(name, "connect", "session", broken):
            link = link_kind(connect(*args, **kwargs), here)
        return link

    return call


def _snowflake(connect: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(connect)
    def call(*args: Any, **kwargs: Any) -> Any:
        here = current()
        if here is None:
            return connect(*args, **kwargs)
        with io(
            "snowflake", "connect", "session", lambda: SourceUnavailableError("connection refused")
        ):
            return SnowflakeLink(connect(*args, **kwargs), here)

    return call
