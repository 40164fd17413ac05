"""Who calls, and whether they may: a key or an ID token in, a principal out, or 401, 403, 429."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from shared.api.context import Context, context_of
from shared.api.problems import Refusal
from shared.config.tables import TableConfig
from shared.core import access
from shared.core.access import Principal, Role
from shared.tokens import InvalidTokenError

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sluice"'}

_bearer = HTTPBearer(
    scheme_name="key or ID token",
    description="A key of this API, or an ID token that Google signed for its address.",
    auto_error=False,
)
_header = APIKeyHeader(
    name="X-API-Key",
    scheme_name="key",
    description="The same key, where `Authorization` carries the token of Cloud Run's own check.",
    auto_error=False,
)

log = logging.getLogger(__name__)


def may(wanted: Role) -> Callable[..., Principal]:
    """Return the dependency that lets in callers of a role, or of a higher one."""

    def require(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
        key: Annotated[str | None, Depends(_header)],
    ) -> Principal:
        token = key or (bearer.credentials if bearer else None)
        principal = _known(request, context_of(request), token)
        if not principal.role.covers(wanted):
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                "role_too_low",
                f"{principal.name} has the role {principal.role}, and this takes {wanted}; ask "
                "whoever runs this for a key with it",
            )
        return principal

    return require


Reader = Annotated[Principal, Depends(may(Role.READ))]
Operator = Annotated[Principal, Depends(may(Role.OPERATE))]
Admin = Annotated[Principal, Depends(may(Role.ADMIN))]


def hidden_from(principal: Principal, table: TableConfig) -> frozenset[str]:
    """Return the columns whose values a caller is not shown: sensitive ones, but to admins."""
    return frozenset() if principal.role.covers(Role.ADMIN) else table.sensitive


def address_of(request: Request) -> str:
    """Return the network address of a caller.

    Behind Google's front end it is the last one that the header names: what stands before it was
    sent by the caller. Source: Cloud Load Balancing, "X-Forwarded-For header".
    """
    forwarded = request.headers.get("x-forwarded-for", "")
    if request.app.state.settings.is_behind_google and forwarded:
        return forwarded.rpartition(",")[2].strip()
    return request.client.host if request.client else "unknown"


def _known(request: Request, context: Context, token: str | None) -> Principal:
    principal = _principal(context, token) if token else None
    if principal is None:
        wait_s = context.failures.take(address_of(request))
        if wait_s:
            raise _too_often("too many calls of this address showed no valid key", wait_s)
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            "not_authenticated",
            "this takes a key, or an ID token that Google signed for this address; send it as "
            "`Authorization: Bearer …` (`sluice access create` makes keys)",
            CHALLENGE,
        )
    request.state.principal = principal
    if wait_s := context.calls.take(principal.name):
        raise _too_often(f"{principal.name} calls too often", wait_s)
    return principal


def _principal(context: Context, token: str) -> Principal | None:
    if access.is_key(token):
        return context.callers.known().of_key(token, context.now())
    if context.id_tokens is None:
        return None
    try:
        email = context.id_tokens.email(token)
    except InvalidTokenError as exc:
        log.info("ID token refused", extra={"why": str(exc)})
        return None
    return context.callers.known().of_account(email)


def _too_often(what: str, wait_s: int) -> Refusal:
    headers: dict[str, Any] = {"Retry-After": str(wait_s)}
    return Refusal(
        HTTPStatus.TOO_MANY_REQUESTS, "too_many_calls", f"{what}; wait {wait_s} s", headers
    )
