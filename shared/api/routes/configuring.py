"""Tables through the API: proposed, validated, created, changed and deleted beside the files' own.

A change names the generation that it is of, by ``If-Match``: whoever changes a table meanwhile is
not overwritten.
"""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from shared.api import examples
from shared.api.access import Admin, Operator
from shared.api.context import Lent, Shared
from shared.api.idempotency import Idempotent
from shared.api.problems import Refusal
from shared.api.routes.metadata import SourceMeta, source_of
from shared.api.routes.tables import TableName
from shared.config.store import Configured, Origin
from shared.core import naming
from shared.errors import ConflictError, InvalidConfigError, UnknownTableError
from shared.operations import proposals, tables
from shared.operations.proposals import Wanted
from shared.storage import ABSENT
from shared.wiring import Services

router = APIRouter(prefix="/api/v1/tables", tags=["tables"])

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=64,
        description="The table's ETag: the change is refused if it is another one by now.",
        examples=['"1706670000000001"'],
    ),
]
Part = Annotated[str, Field(min_length=1, max_length=255)]


class TableBody(BaseModel):
    """A table as in a table file; docs/tables.md explains every key."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [examples.CONFIG]})

    name: str = Field(max_length=63)

    @property
    def keys(self) -> dict[str, Any]:
        """All that was sent."""
        return self.model_dump()


class Stored(BaseModel):
    """A table that is configured."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "orders", "generation": 1706670000000001}]}
    )

    name: str
    generation: int = Field(description="Also its ETag.")


class Verdict(BaseModel):
    """Whether a table could be configured."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"is_valid": False, "problems": ["table: schedule: …"], "config": None}]
        }
    )

    is_valid: bool
    problems: list[str] = Field(description="What is wrong, one by one.")
    config: dict[str, Any] | None = Field(description="As it would be kept, defaults included.")


class ImportBody(BaseModel):
    """A table of Snowflake, by its own names."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"database": "SHOP", "schema": "PUBLIC", "table": "ORDERS"}]
        },
    )

    database: Part
    schema_: Part = Field(alias="schema")
    table: Part
    name: Annotated[str, Field(pattern=rf"^{naming.TABLE_NAME.pattern}$")] | None = Field(
        default=None, description="Absent: the source's name, made plain."
    )
    target: Literal["postgres", "sqlserver", "bigquery"] | None = Field(
        default=None, description="Absent: that of most tables."
    )


class ProposalModel(BaseModel):
    """A table to look at, to change, and then to create."""

    model_config = examples.shown(
        {
            "config": examples.CONFIG,
            "notes": ["primary_key: declared at the source, which does not enforce it: ['id']"],
            "source": examples.SOURCE,
        }
    )

    config: dict[str, Any]
    notes: list[str] = Field(description="Why it is as it is.")
    source: SourceMeta


@router.post("/validate", responses={200: {"model": Verdict}})
def validate(services: Lent, _: Operator, once: Idempotent, body: TableBody) -> JSONResponse:
    """Say what is wrong with a table, and how it would be kept; nothing is."""
    return once(lambda _: _judged(services, body), HTTPStatus.OK)


@router.post("/import", responses={200: {"model": ProposalModel}})
def import_table(
    services: Lent, context: Shared, _: Operator, once: Idempotent, body: ImportBody
) -> JSONResponse:
    """Propose a table from what Snowflake says of it. Nothing is read or configured."""
    wanted = Wanted(
        database=body.database,
        schema=body.schema_,
        table=body.table,
        name=body.name or "",
        target=body.target or "",
    )

    def ask() -> ProposalModel:
        with context.at_target():
            found = proposals.propose(services, wanted)
        place = f"{wanted.database}.{wanted.schema}.{wanted.table}"
        return ProposalModel(
            config=found.config, notes=list(found.notes), source=source_of(found.described, place)
        )

    return once(lambda _: ask(), HTTPStatus.OK)


@router.post("", status_code=201, responses={201: {"model": Stored}})
def create_table(services: Lent, _: Admin, once: Idempotent, body: TableBody) -> JSONResponse:
    """Configure a new table. With a schedule, the sweep asks for its slots within minutes."""

    def create(by: str) -> Stored:
        return _there(services, body) or _put(services, body.keys, by)

    answer = once(lambda ask: create(ask.by), HTTPStatus.CREATED)
    answer.headers["Location"] = f"/api/v1/tables/{body.name}"
    return answer


@router.put("/{table}", responses={200: {"model": Stored}})
def change_table(
    response: Response,
    services: Lent,
    admin: Admin,
    table: TableName,
    body: TableBody,
    if_match: IfMatch = None,
) -> Stored:
    """Change a table that came through the API; all keys that are not sent get their defaults."""
    if body.name != table:
        raise InvalidConfigError(f"the table is {table}, and its name cannot become {body.name}")
    generation = _matched(services, table, if_match)
    stored = _put(services, body.keys, admin.name, generation)
    response.headers["ETag"] = f'"{stored.generation}"'
    return stored


@router.delete("/{table}", status_code=204)
def delete_table(
    services: Lent, admin: Admin, table: TableName, if_match: IfMatch = None
) -> Response:
    """Move a table no more. Its rows, runs and audit trail stay."""
    generation = _matched(services, table, if_match)
    try:
        services.config.remove_through_api(table, generation, admin.name)
    except ConflictError as exc:
        raise _changed(table) from exc
    return Response(status_code=204)


def _judged(services: Services, body: TableBody) -> Verdict:
    try:
        resolved = tables.check(services, body.keys)
    except InvalidConfigError as exc:
        return Verdict(is_valid=False, problems=exc.message.splitlines(), config=None)
    config = resolved.table.model_dump(mode="json", by_alias=True)
    return Verdict(is_valid=True, problems=[], config=config)


def _put(services: Services, data: dict[str, Any], by: str, generation: int = ABSENT) -> Stored:
    try:
        found = tables.put(services, data, by, generation)
    except ConflictError as exc:
        raise _changed(data["name"]) from exc
    return Stored(name=found.resolved.table.name, generation=found.generation)


def _there(services: Services, body: TableBody) -> Stored | None:
    """Return the table if it is there as it is wanted: a request that died had created it.

    Raises:
        Refusal: there is another table of that name.
    """
    try:
        found = services.config.find(body.name)
    except UnknownTableError:
        return None
    if found.origin is Origin.API and found.resolved == tables.check(services, body.keys):
        return Stored(name=body.name, generation=found.generation)
    raise Refusal(
        HTTPStatus.CONFLICT,
        "table_exists",
        f"there is a table {body.name} already; PUT /api/v1/tables/{body.name} changes one that "
        "came through the API",
    )


def _matched(services: Services, table: str, if_match: str | None) -> int:
    """Return the generation of a table that may be changed here.

    Raises:
        UnknownTableError: there is none of this name.
        Refusal: it is one of the files, the call does not say which generation it is about, or it
            is about another one.
    """
    found: Configured = services.config.find(table)
    if found.origin is Origin.FILES:
        raise Refusal(
            HTTPStatus.CONFLICT,
            "table_of_files",
            f"{table} is in the table files; change it there and deploy",
        )
    if if_match is None:
        raise Refusal(
            HTTPStatus.PRECONDITION_REQUIRED,
            "no_if_match",
            f"say which {table} is meant: send the ETag of GET /api/v1/tables/{table} as If-Match",
        )
    if if_match.strip() not in ("*", f'"{found.generation}"'):
        raise _changed(table)
    return found.generation


def _changed(table: str) -> Refusal:
    return Refusal(
        HTTPStatus.PRECONDITION_FAILED,
        "changed_meanwhile",
        f"{table} is another one than If-Match says; look at it again, then change it",
    )
