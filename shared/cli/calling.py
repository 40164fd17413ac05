"""Calls of the API: who calls, when a call is made again, and what its refusals mean here."""

import time
import uuid
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import requests

from shared import errors
from shared.errors import InvalidConfigError, InvalidMessageError, RetryableError, SluiceError
from shared.outside import place, require_outside
from shared.settings import ApiAccess

TIMEOUT_S = (10.0, 60.0)
"""To connect, and until something is answered."""

TRIES = 4
"""So often a call is made that did not get through."""

PAUSE_S = 0.5
"""Before the second try; twice as long before each further one."""

LONGEST_PAUSE_S = 30.0
"""A server that asks for a longer wait is not waited for."""

PAGE_ITEMS = 500
"""Items of a page, at most. Source: docs/api.md."""

_AGAIN = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Answers that may be others in a moment."""

_UNDER_WAY = "under_way"
"""What a repeated POST is told while the first one is carried out."""

HELD_S = 60.0
"""A POST that was repeated is asked about for so long while the first one is carried out; a server
takes that one to have died then. Source: docs/api.md.
"""

_KEYS = "SLUICE_API_KEY holds a key (`sluice access create` makes one), or SLUICE_API_TOKEN an ID "
_KEYS += "token (`gcloud auth print-identity-token`)"


class Caller:
    """Calls one API, as one caller, over one session."""

    def __init__(self, access: ApiAccess) -> None:
        require_outside(access.url, "the address in SLUICE_API_URL or --api")
        self._url = access.url
        self._session = requests.Session()
        # Proxies and certificates are the environment's; plain HTTP stays on this machine.
        self._session.trust_env = access.url.startswith("https:")
        # Credentials are those below and no others: where nothing adds any, .netrc does.
        self._session.auth = _as_it_is
        self._session.headers.update(_credentials(access))

    def get(self, path: str, **query: Any) -> Any:
        """Return what a GET answers; parameters that are None are left out."""
        return self._json(self._answer("GET", path, query))

    def find(self, path: str, *, missing: str) -> bytes | None:
        """Return what a GET answers, as bytes; None where it says by a code that nothing is there.

        Args:
            path: below the API's own.
            missing: the code.
        """
        reply = self._answer("GET", path, {}, unless=missing)
        return bytes(reply.content) if reply.ok else None

    def content(self, path: str) -> bytes:
        """Return what a GET answers, as bytes."""
        return bytes(self._answer("GET", path, {}).content)

    def pages(self, path: str, *, missing: str = "", **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page after page, as they are asked for.

        Args:
            path: below the API's own.
            missing: the code by which the API says that there is no such list; it is empty then.
            query: parameters; those that are None are left out.
        """
        limit = min(query.pop("limit", PAGE_ITEMS), PAGE_ITEMS)
        cursor = None
        while True:
            asked = {**query, "limit": limit, "cursor": cursor}
            reply = self._answer("GET", path, asked, unless=missing)
            if not reply.ok:
                return
            page = self._json(reply)
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return what a POST answers; however often it is sent, it is carried out once."""
        given = {key: value for key, value in (body or {}).items() if value is not None}
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return self._json(self._answer("POST", path, {}, json=given, headers=headers))

    def _answer(
        self, method: str, path: str, query: Mapping[str, Any], *, unless: str = "", **rest: Any
    ) -> requests.Response:
        """Return an answer of 2xx, or the refusal that has one code.

        Raises:
            SluiceError: the API refused, or could not be reached.
        """
        url = f"{self._url}/api/v1/{path}"
        left, pause_s, held = TRIES, PAUSE_S, _Held()
        while True:
            try:
                # A key is for this address: nobody else gets it by a redirect.
                reply = self._session.request(
                    method,
                    url,
                    params=query,
                    timeout=TIMEOUT_S,
                    allow_redirects=False,
                    **rest,
                )
            except requests.RequestException as exc:
                refusal, asked_for_s = self._unreachable(method, exc), 0.0
            else:
                if reply.status_code in range(200, 300):
                    return reply
                if unless and _problem(reply).get("code") == unless:
                    return reply
                refusal, asked_for_s = self._refusal(method, reply), _asked_for_s(reply)
                if not _may_help(reply):
                    raise refusal
                if held.still(reply):
                    time.sleep(min(max(PAUSE_S, asked_for_s), LONGEST_PAUSE_S))
                    continue
            left -= 1
            pause_s = max(pause_s, asked_for_s)
            if not left or pause_s > LONGEST_PAUSE_S:
                raise refusal
            time.sleep(pause_s)
            pause_s *= 2

    def _json(self, reply: requests.Response) -> dict[str, Any]:
        """Return an answer's JSON object.

        Raises:
            InvalidConfigError: it is none, so it is not Sluice that answered.
        """
        try:
            found = reply.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise _not_ours(self._host)
        return _Answer(found, host=self._host)

    @property
    def _host(self) -> str:
        return place(self._url)

    def _unreachable(self, method: str, exc: requests.RequestException) -> SluiceError:
        # What requests says may quote the address with its query, so only its kind is told.
        said = f"the API at {self._host} does not answer ({type(exc).__name__})"
        return RetryableError(
            f"{said}; check SLUICE_API_URL and the network, then {_next_step(method)}"
        )

    def _refusal(self, method: str, reply: requests.Response) -> SluiceError:
        problem = _problem(reply)
        title = problem.get("title") or reply.reason or "refused"
        detail = problem.get("detail") or "that is no answer of Sluice; check SLUICE_API_URL"
        if kind := _kind(str(problem.get("code", ""))):
            return kind(str(detail))
        said = f"{self._host}: {reply.status_code} {title}: {detail}"
        if reply.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return InvalidConfigError(f"{said}. {_KEYS}")
        if reply.status_code in _AGAIN or reply.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return RetryableError(f"{said}; {_next_step(method)}")
        return InvalidMessageError(str(detail) if problem else said)


class _Answer(dict[str, Any]):
    """A JSON object that was answered; whatever lacks what ours has was said by another server."""

    def __init__(self, found: dict[str, Any], *, host: str) -> None:
        super().__init__(found)
        self._host = host

    def __missing__(self, name: str) -> Any:
        raise _not_ours(self._host)


class _Held:
    """How long a server has said that the same POST is being carried out."""

    def __init__(self) -> None:
        self._until_s: float | None = None

    def still(self, reply: requests.Response) -> bool:
        """Say whether it says so, and has not for longer than it may take."""
        if _problem(reply).get("code") != _UNDER_WAY:
            return False
        now_s = time.monotonic()
        if self._until_s is None:
            self._until_s = now_s + HELD_S
        return now_s < self._until_s


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add no credentials to a request."""
    return request


def _next_step(method: str) -> str:
    if method == "POST":
        return (
            "look at `sluice runs` before you run it again: what was asked for may have been "
            "carried out all the same"
        )
    return "run it again"


def _not_ours(host: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"what {host} answered is no answer of Sluice, such as a login page; check SLUICE_API_URL"
    )


def _credentials(access: ApiAccess) -> dict[str, str]:
    """Return the headers that show who calls.

    Raises:
        InvalidConfigError: nothing does, or it cannot be sent.
    """
    for name, value in (("SLUICE_API_KEY", access.key), ("SLUICE_API_TOKEN", access.id_token)):
        if value and not (value.isascii() and value.isprintable()):
            raise InvalidConfigError(
                f"{name} holds characters that no key or token has; copy it once more"
            )
    headers = {"X-API-Key": access.key} if access.key else {}
    token = access.id_token or ("" if access.key else _own_token(access.url))
    return {**headers, "Authorization": f"Bearer {token}"} if token else headers


def _own_token(url: str) -> str:
    """Return an ID token of the account that this runs as: a service account's.

    Raises:
        InvalidConfigError: there is none.
    """
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request
    from google.oauth2 import id_token

    try:
        return str(id_token.fetch_id_token(Request(), url))
    except GoogleAuthError as exc:
        raise InvalidConfigError(
            f"the API at {place(url)} takes a key or an ID token, and there is neither: {_KEYS}"
        ) from exc


def _may_help(reply: requests.Response) -> bool:
    return reply.status_code in _AGAIN or _problem(reply).get("code") == _UNDER_WAY


def _asked_for_s(reply: requests.Response) -> float:
    """Return the seconds that a server wants to be left alone."""
    text = reply.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _problem(reply: requests.Response) -> dict[str, Any]:
    """Return an answer's problem details; empty: it has none. Source: RFC 9457."""
    if not reply.headers.get("Content-Type", "").startswith("application/problem+json"):
        return {}
    try:
        found = reply.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _kind(code: str) -> type[SluiceError] | None:
    """Return the error of ours that a code names, as it is raised where no API is in between."""
    name = "".join(part.title() for part in code.split("_")) + "Error"
    found = getattr(errors, name, None)
    is_ours = isinstance(found, type) and issubclass(found, SluiceError)
    return found if is_ours else None
