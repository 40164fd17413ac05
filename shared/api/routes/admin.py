"""For those who run it: dead letters, the sweep, keys."""

import json
from datetime import datetime
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from shared.api import examples
from shared.api.access import Admin, Operator, Reader
from shared.api.context import Lent, Shared
from shared.api.idempotency import Idempotent
from shared.api.paging import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cursor_of,
    page_of_names,
    parts_of,
)
from shared.api.problems import Refusal
from shared.core import naming
from shared.core.access import Role
from shared.core.dead_letters import DeadLetter, LetterState
from shared.errors import IllegalTransitionError
from shared.operations import callers, letters, sweeps
from shared.steps.repairs import dead_letters
from shared.wire import to_json
from shared.wiring import Services

router = APIRouter(prefix="/api/v1/admin", tags=["admin"])

LetterId = Annotated[
    str,
    Path(
        pattern=rf"^{naming.RUN_ID.pattern}$",
        description="Id of a dead letter.",
        examples=["20240131T030000Z-0123456789ab"],
    ),
]


class Letter(BaseModel):
    """A message that failed as often as allowed."""

    model_config = examples.shown(examples.LETTER)

    letter_id: str
    topic: str
    table: str
    run_id: str
    reason: str
    state: LetterState
    deliveries: int
    published_at: datetime
    died_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """Return a letter without the message itself."""
        return cls.model_validate(letter, from_attributes=True)


class Asked(BaseModel):
    """Something was asked for."""

    model_config = examples.shown({"asked": "sweep"})

    asked: Literal["sweep"]


class KeyBody(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"role": "read", "note": "Grafana"}]}
    )

    role: Role
    note: str = Field(default="", max_length=200, description="What or whom it is for.")
    expires_at: datetime | None = Field(default=None, description="Absent: never.")


class KeyModel(BaseModel):
    """A key, without its secret."""

    model_config = examples.shown(examples.KEY)

    id: str
    role: Role
    note: str
    created_at: datetime
    expires_at: datetime | None


class NewKey(KeyModel):
    """A key that was just made."""

    model_config = examples.shown({**examples.KEY, "key": "sluice_0123456789ab_…"})

    key: str | None = Field(description="Shown this once; null when the answer is repeated.")


@router.get("/dead-letters")
def list_letters(
    services: Lent,
    _: Reader,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    state: Annotated[
        LetterState, Query(description="Only those in this state.")
    ] = LetterState.OPEN,
) -> Page[Letter]:
    """List dead letters, the oldest first."""
    behind = str(parts_of(cursor, str)[0]) if cursor is not None else ""
    found = services.dead_letters.letters(state)
    page = list(islice((each for each in found if each.letter_id > behind), limit + 1))
    is_more = len(page) > limit
    items = [Letter.of(letter) for letter in page[:limit]]
    return Page(items=items, next=cursor_of(items[-1].letter_id) if is_more else None)


@router.post(
    "/dead-letters/{letter_id}/replay", status_code=202, responses={202: {"model": Letter}}
)
def replay_letter(
    services: Lent, _: Operator, once: Idempotent, letter_id: LetterId
) -> JSONResponse:
    """Ask once more for what a dead letter asked for. Nothing is ever loaded twice by it."""

    def again(by: str) -> Letter:
        letter = _open(services, letter_id)
        dead_letters.replay(letter, services, by)
        return _now(services, letter)

    return once(lambda ask: again(ask.by))


@router.post("/dead-letters/{letter_id}/drop", status_code=202, responses={202: {"model": Letter}})
def drop_letter(services: Lent, _: Operator, once: Idempotent, letter_id: LetterId) -> JSONResponse:
    """Decide that a dead letter is not needed. Its run stays failed."""

    def drop(by: str) -> Letter:
        letter = _open(services, letter_id)
        letters.drop(letter, services, by)
        return _now(services, letter)

    return once(lambda ask: drop(ask.by))


@router.get("/sweep")
def last_sweep(services: Lent, _: Reader) -> dict[str, Any]:
    """Return what the last sweep found and did."""
    found = sweeps.last(services)
    if found is None:
        raise Refusal(
            HTTPStatus.NOT_FOUND,
            "no_sweep_yet",
            "no sweep has ended yet; POST /api/v1/admin/sweep asks for one",
        )
    report: dict[str, Any] = json.loads(to_json(found))
    return report


@router.post("/sweep", status_code=202, responses={202: {"model": Asked}})
def ask_for_sweep(services: Lent, _: Operator, once: Idempotent) -> JSONResponse:
    """Ask for a sweep now."""

    def ask() -> Asked:
        sweeps.ask(services)
        return Asked(asked="sweep")

    return once(lambda _: ask())


@router.get("/keys")
def list_keys(
    context: Shared, _: Admin, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[KeyModel]:
    """List the keys of this API by their ids; never their secrets."""
    keys = {key.id: key for key in context.callers.listed().keys}
    page, following = page_of_names(sorted(keys), limit, cursor)
    found = [KeyModel.model_validate(keys[name], from_attributes=True) for name in page]
    return Page(items=found, next=following)


@router.post("/keys", status_code=201, responses={201: {"model": NewKey}})
def make_key(
    context: Shared, services: Lent, _: Admin, once: Idempotent, body: KeyBody
) -> JSONResponse:
    """Make a key. It is shown this once: only its hash is kept."""
    tokens: list[str] = []

    def make(by: str) -> NewKey:
        expires_at, note = body.expires_at, body.note
        token, key = callers.create_key(
            services, context.callers, body.role, by, note=note, expires_at=expires_at
        )
        tokens.append(token)
        return NewKey(**KeyModel.model_validate(key, from_attributes=True).model_dump(), key=None)

    answer = once(lambda ask: make(ask.by), HTTPStatus.CREATED)
    if not tokens:
        return answer
    return JSONResponse({**json.loads(bytes(answer.body)), "key": tokens[0]}, HTTPStatus.CREATED)


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(
    context: Shared,
    services: Lent,
    admin: Admin,
    key_id: Annotated[str, Path(pattern="^[0-9a-f]{12}$", examples=["0123456789ab"])],
) -> Response:
    """Let a key open nothing any more, within half a minute."""
    if all(key.id != key_id for key in context.callers.listed().keys):
        raise Refusal(
            HTTPStatus.NOT_FOUND,
            "unknown_key",
            f"there is no key {key_id}; /api/v1/admin/keys lists those there are",
        )
    callers.revoke(services, context.callers, key_id, admin.name)
    return Response(status_code=204)


def _open(services: Services, letter_id: str) -> DeadLetter:
    """Return a letter that waits for a decision.

    Raises:
        Refusal: there is none of this id.
        IllegalTransitionError: somebody has decided about it.
    """
    letter = services.dead_letters.find(letter_id)
    if letter is None:
        raise Refusal(
            HTTPStatus.NOT_FOUND,
            "unknown_letter",
            f"there is no dead letter {letter_id}; /api/v1/admin/dead-letters lists what there is",
        )
    if not letter.is_open:
        raise IllegalTransitionError(f"dead letter {letter_id} is {letter.state} already")
    return letter


def _now(services: Services, letter: DeadLetter) -> Letter:
    return Letter.of(services.dead_letters.find(letter.letter_id) or letter)
