"""``Idempotency-Key``: a POST that is sent again with the same key does nothing a second time.

What was asked, and when, is written down before anything is done, and what was answered after it.
A repeat gets the answer; one whose answer was never written down is carried out as the first would
have been, with its moment and id, which every operation takes as the same request.
Source: IETF, draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse

from shared.api.context import Lent
from shared.api.problems import Refusal
from shared.core import naming
from shared.errors import ConflictError, SluiceError
from shared.operations.requests import Ask
from shared.storage import ABSENT
from shared.wire import from_json, to_json
from shared.wiring import Services

VERSION: Final = 1

UNDER_WAY = timedelta(seconds=60)
"""A request without an answer is taken to be under way for so long, and then to have died."""

MAX_KEY_CHARS = 200

REPLAYED = "Idempotency-Replayed"
"""Header of an answer that was given before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A request that carried a key, as it is kept in the state bucket."""

    version: Literal[1] = VERSION
    body_sha256: str
    asked_at: datetime
    request_id: str
    status: int | None = None
    answer: dict[str, Any] | None = None


class Once:
    """Carries out one POST, once per key."""

    def __init__(self, services: Services, ask: Ask, name: str | None, body_sha256: str) -> None:
        self._services = services
        self._ask = ask
        self._name = name
        self._body_sha256 = body_sha256

    def __call__(
        self, do: Callable[[Ask], BaseModel], status: HTTPStatus = HTTPStatus.ACCEPTED
    ) -> JSONResponse:
        """Do what was asked, or answer as before.

        Raises:
            Refusal: the key was used for another request, or one with it is under way.
        """
        if self._name is None:
            return JSONResponse(do(self._ask).model_dump(mode="json"), status)
        kept, generation = self._claim(self._name)
        if kept.answer is not None:
            headers = {REPLAYED: "true"}
            return JSONResponse(kept.answer, kept.status or status, headers)
        ask = replace(self._ask, request_id=kept.request_id, at=kept.asked_at)
        try:
            answer = do(ask).model_dump(mode="json")
        except (SluiceError, Refusal):
            # Nothing was done, so the key is free again: the caller may mend what is wrong.
            self._services.storage.delete(self._bucket, self._name, generation)
            raise
        self._keep(replace(kept, status=int(status), answer=answer), generation)
        return JSONResponse(answer, status)

    @property
    def _bucket(self) -> str:
        return self._services.settings.bucket("state")

    def _claim(self, name: str) -> tuple[Kept, int]:
        kept = Kept(
            body_sha256=self._body_sha256,
            asked_at=self._ask.at,
            request_id=self._ask.request_id,
        )
        try:
            return kept, self._write(kept, ABSENT)
        except ConflictError:
            found = self._services.storage.read(self._bucket, name)
        if found is None:
            raise _under_way() from None
        earlier = from_json(Kept, found[0], name)
        if earlier.body_sha256 != self._body_sha256:
            raise Refusal(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "key_used_otherwise",
                "this Idempotency-Key was sent with another request; take a new one for this",
            )
        if earlier.answer is None and self._ask.at - earlier.asked_at < UNDER_WAY:
            raise _under_way()
        return earlier, found[1]

    def _keep(self, kept: Kept, generation: int) -> None:
        """Keep the answer; a repeat that was carried out at the same time has the same."""
        try:
            self._write(kept, generation)
        except ConflictError:
            return

    def _write(self, kept: Kept, generation: int) -> int:
        assert self._name  # noqa: S101 - only asked with a key
        return self._services.storage.write(
            self._bucket,
            self._name,
            to_json(kept),
            generation=generation,
            content_type="application/json",
        )


async def _body_sha256(request: Request) -> str:
    return hashlib.sha256(await request.body()).hexdigest()


def _once(
    request: Request,
    services: Lent,
    body_sha256: Annotated[str, Depends(_body_sha256)],
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=MAX_KEY_CHARS,
            description="Any text of your own, new for each thing that you want done; sent again, "
            "nothing is done a second time.",
        ),
    ] = None,
) -> Once:
    caller = request.state.principal.name
    ask = Ask(request_id=secrets.token_hex(8), at=services.now(), by=caller)
    name = None
    if key is not None:
        parts = (caller, request.method, request.url.path, key)
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        name = naming.request_object(digest)
    return Once(services, ask, name, body_sha256)


Idempotent = Annotated[Once, Depends(_once)]


def _under_way() -> Refusal:
    return Refusal(
        HTTPStatus.CONFLICT,
        "under_way",
        "a request with this Idempotency-Key is being carried out just now; ask again soon",
        {"Retry-After": "2"},
    )
