"""All tables and models of an environment, checked together: none writes where another does.

Each may be valid by itself. Table files, tables through the API, restores and deployments all ask
here before they write a configuration.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from shared.config.checks import References
from shared.config.documents import Document, Place
from shared.config.places import TARGET_NAMES
from shared.config.tables import ResolvedTable, TableConfig
from shared.core.wording import meant
from shared.errors import InvalidConfigError

if TYPE_CHECKING:
    from shared.config.curated import ResolvedModel

NO_FILES: Mapping[str, Document] = MappingProxyType({})
"""Tables that come from no files."""


def require_targets_of_their_own(
    tables: Iterable[ResolvedTable], files: Mapping[str, Document] = NO_FILES
) -> None:
    """Refuse two tables that would write, and in mode full delete, each other's rows.

    Args:
        tables: all of them.
        files: where each was read from, by its name.

    Raises:
        InvalidConfigError: two write to the same place, or to what may be the same to the target.
    """
    owners: dict[tuple[str, str, str], ResolvedTable] = {}
    for resolved in tables:
        other = owners.setdefault(_place(resolved), resolved).table
        if other.name != resolved.table.name:
            place = (other.target_kind,)
            at, first = (_at(files, name, place) for name in (resolved.table.name, other.name))
            raise InvalidConfigError(
                f"{_before(at)}tables {other.name}{f' (at {first})' if first else ''} and "
                f"{resolved.table.name} both write {_shown(other)} in "
                f"{TARGET_NAMES[other.target_kind]}; give each a table of its own"
                f"{_why_same(other, resolved.table)}"
            )


def require_no_model(tables: Iterable[ResolvedTable], models: Sequence["ResolvedModel"]) -> None:
    """Refuse tables with the name of a model, or that would write a model's table.

    Raises:
        InvalidConfigError: one does.
    """
    if not models:
        return
    names = {each.model.name for each in models}
    owners = {(m.place.schema_, m.place.table): m.name for m in (each.model for each in models)}
    for table in (each.table for each in tables):
        if table.name in names:
            raise InvalidConfigError(f"{table.name} is the name of a model; take another one")
        place = table.postgres
        owner = owners.get((place.schema_, place.table)) if place else None
        if owner:
            raise InvalidConfigError(
                f"model {owner} writes {_shown(table)} already; give the table {table.name} "
                "another place"
            )


def require_references(
    tables: Iterable[ResolvedTable], files: Mapping[str, Document] = NO_FILES
) -> None:
    """Refuse checks that refer to a table that is not there, or is in another database.

    Args:
        tables: all of them.
        files: where each was read from, by its name.

    Raises:
        InvalidConfigError: a check does.
    """
    known = {each.table.name: each.table for each in tables}
    for table in known.values():
        for number, check in enumerate(table.checks):
            if not isinstance(check, References):
                continue
            at = _before(_at(files, table.name, ("checks", number)))
            other = known.get(check.table)
            if other is None:
                raise InvalidConfigError(
                    f"{at}check {check.title} of {table.name}: no table is named {check.table!r}; "
                    f"known: {', '.join(sorted(known))}{meant(check.table, known)}"
                )
            if other.target_kind != table.target_kind:
                raise InvalidConfigError(
                    f"{at}check {check.title} of {table.name}: {check.table} is in "
                    f"{TARGET_NAMES[other.target_kind]}, and {table.name} in "
                    f"{TARGET_NAMES[table.target_kind]}"
                )


def _at(files: Mapping[str, Document], table: str, place: Place) -> str:
    """Return the file and line of a table's key; empty: it comes from no file."""
    return files[table].where(place) if table in files else ""


def _before(at: str) -> str:
    return f"{at}: " if at else ""


def _place(resolved: ResolvedTable) -> tuple[str, str, str]:
    """Return where a table goes; two of these are equal if the target may take them for one.

    PostgreSQL tells quoted names apart by case. SQL Server compares them by the collation of the
    database, which by default ignores case, and always without spaces at their end; a dataset of
    BigQuery may ignore case. What the database was told is not known here, so case is ignored.
    Source: PostgreSQL, "Identifiers and Key Words"; SQL Server, "Database Identifiers" and
    "Collation and Unicode support"; BigQuery, "Create datasets", ``is_case_insensitive``.
    """
    place, kind = resolved.table.place, resolved.table.target_kind
    schema, table = place.schema_, place.table
    bigquery, connection = resolved.table.bigquery, resolved.connections.bigquery
    if bigquery and not bigquery.project and connection:
        schema = f"{connection.project}.{schema}"
    if kind != "postgres":
        schema, table = schema.rstrip(" ").casefold(), table.rstrip(" ").casefold()
    return kind, schema, table


def _shown(table: TableConfig) -> str:
    return f"{table.place.schema_}.{table.place.table}"


def _why_same(one: TableConfig, other: TableConfig) -> str:
    if _shown(one) == _shown(other):
        return ""
    return f": {_shown(other)} may be the same table there, where case may not count"
