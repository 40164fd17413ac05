"""How an existing table differs from the columns of a run, and what the table's policy makes of it.

``Fitting`` compares; ``require`` refuses what stays different, with the statements that mend it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from shared.config.tables import TableConfig
from shared.core import drift
from shared.core.drift import Policy
from shared.core.fidelity import Consent, remedy
from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.errors import SchemaConflictError
from shared.targets.base import DELETED_AT
from shared.targets.columns import ColumnDialect, Existing

OURS = (DELETED_AT, drift.RESCUED)
"""Columns that no source has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """The differences between a table and a run, each column in one list only."""

    table: str
    existing: Mapping[str, Existing]
    missing: list[Column] = field(default_factory=list)
    """The table does not have them."""
    narrow: list[Column] = field(default_factory=list)
    """The table's type can be widened to hold them."""
    other: list[Column] = field(default_factory=list)
    """The table's type would alter values, and no change of it keeps what is there."""
    gone: list[Column] = field(default_factory=list)
    """The last run had them, the table has them, this run does not."""

    @property
    def is_open(self) -> bool:
        """Whether the table cannot take the run's columns as it is."""
        return bool(self.missing or self.narrow or self.other)

    @property
    def has_remedy(self) -> bool:
        """Whether there is a table, and statements that bring it closer to the run's columns."""
        return bool(self.existing and (self.missing or self.narrow))


def compare(
    dialect: ColumnDialect,
    config: TableConfig,
    table: str,
    existing: Mapping[str, Existing],
    schema: TableSchema,
    *,
    last: TableSchema | None = None,
) -> Fitting:
    """Compare a table with the columns of a run.

    Args:
        dialect: the engine's.
        config: the table's, for what it accepts.
        table: its qualified name.
        existing: its columns.
        schema: the run's.
        last: the schema of the last run that was published; None: unknown, so nothing is gone.
    """
    found = Fitting(table=table, existing=existing)
    for column in schema:
        kind = existing.get(column.name)
        if kind is None:
            found.missing.append(column)
        elif not _fits(dialect, kind.type, column, config.accept.get(column.name, ())):
            is_wider = dialect.types.widens(kind.type, column.type)
            (found.narrow if is_wider else found.other).append(column)
    names = set(schema.names)
    found.gone.extend(
        c for c in last or () if c.name in existing and c.name not in names and c.name not in OURS
    )
    return found


def statements(dialect: ColumnDialect, found: Fitting) -> list[str]:
    """Return what gives the table the columns that it lacks, and the wider types."""
    sql = dialect.sql
    adds = [sql.add_column(found.table, column) for column in found.missing]
    return adds + [
        sql.change_type(found.table, column, found.existing[column.name]) for column in found.narrow
    ]


def require(dialect: ColumnDialect, config: TableConfig, found: Fitting) -> None:
    """Refuse a run that the table cannot take, or that the policy does not let through.

    Raises:
        SchemaConflictError: columns are missing, have types that would alter values, or are gone.
    """
    gone = found.gone if config.drift is Policy.FREEZE else []
    if not (found.is_open or gone):
        return
    differences = [f"{c.name} is missing" for c in found.missing]
    differences += [_narrow(dialect, found, c) for c in found.narrow]
    differences += [_other(dialect, config, found, c) for c in found.other]
    differences += [f"{c.name} is gone from the source" for c in gone]
    differences += drift.renames(found.gone, found.missing)
    raise SchemaConflictError(
        f"table {found.table} cannot hold the run's columns unaltered: {'; '.join(differences)}"
        f"{_remedies(dialect, config, found, gone)}",
        table=found.table,
    )


def allowed(config: TableConfig, found: Fitting) -> Fitting:
    """Return the differences that a policy lets Sluice take away: ``_rescued`` alone, or all.

    None where others stay: the run will be refused, and the table is left as it is.
    """
    if found.other:
        return replace(found, missing=[], narrow=[])
    if config.drift is Policy.EVOLVE:
        return found
    missing = [c for c in found.missing if c.name == drift.RESCUED]
    return replace(found, missing=missing, narrow=[])


def staged(
    dialect: ColumnDialect, config: TableConfig, found: Fitting, schema: TableSchema
) -> TableSchema:
    """Return what a run stages of a source's columns, by the table's policy.

    Raises:
        SchemaConflictError: the run could not be published, as things are.
    """
    if not found.existing:
        return with_rescued(schema) if config.drift is Policy.RESCUE else schema
    if config.drift is Policy.RESCUE:
        return rescued(dialect, found, schema)
    if config.drift is Policy.EVOLVE:
        found = replace(found, missing=[], narrow=[])
    require(dialect, config, found)
    return schema


def with_rescued(schema: TableSchema) -> TableSchema:
    """Return a schema with the column for what has no place.

    Raises:
        SchemaConflictError: the source has such a column of its own.
    """
    if drift.RESCUED in schema.names:
        raise SchemaConflictError(
            f"the source has a column {drift.RESCUED} of its own, which `drift: rescue` would "
            "write to; choose another policy, or leave the column out in a view"
        )
    extra = Column(name=drift.RESCUED, type=DataType(Kind.JSON))
    return TableSchema((*schema, extra), schema.primary_key)


def rescued(dialect: ColumnDialect, found: Fitting, schema: TableSchema) -> TableSchema:
    """Return the schema that a run stages for a table whose policy is ``rescue``.

    New columns are left out. Those of another type have the type that the table has, without
    values. ``_rescued`` is always there, so that all runs of the table have the same columns.

    Raises:
        SchemaConflictError: a column of the key cannot be rescued.
    """
    misfits = {c.name for c in (*found.narrow, *found.other)}
    lost = [k for k in schema.primary_key if k in misfits or k in {c.name for c in found.missing}]
    if lost:
        raise SchemaConflictError(
            f"{', '.join(lost)} of table {found.table} is in the key, and cannot be rescued: "
            "change its type in the table, or at the source",
            table=found.table,
        )
    columns = [
        Column(name=c.name, type=dialect.types.data_type(found.existing[c.name].type))
        if c.name in misfits
        else c
        for c in schema
        if c.name in found.existing
    ]
    return with_rescued(TableSchema(tuple(columns), schema.primary_key))


def _fits(dialect: ColumnDialect, kind: str, column: Column, accept: Collection[Consent]) -> bool:
    types = dialect.types
    if types.holds(kind, column.type):
        return True
    return Consent.ROUND in accept and types.rounds(kind, column.type)


def _narrow(dialect: ColumnDialect, found: Fitting, column: Column) -> str:
    kind = found.existing[column.name].type
    said = f"{column.name} is {kind}"
    if not dialect.types.rounds(kind, column.type):
        return said
    return f"{said} (to let it round: {remedy(column.name, Consent.ROUND)})"


def _other(dialect: ColumnDialect, config: TableConfig, found: Fitting, column: Column) -> str:
    wanted = column.type
    said = f"{_narrow(dialect, found, column)}, which would alter values of {wanted}"
    cast = "cast it in a view at the source"
    if config.is_of_files:
        there = dialect.types.data_type(found.existing[column.name].type)
        cast = f"state {column.name}: {there} in csv.columns, which rejects what is none"
    return f"{said}; {cast}, or make it {dialect.types.type_name(wanted)}"


def _remedies(
    dialect: ColumnDialect, config: TableConfig, found: Fitting, gone: list[Column]
) -> str:
    """Return what may be done, the statements that lose nothing last."""
    drops = [dialect.sql.drop_column(found.table, column.name) for column in gone]
    mends = statements(dialect, found)
    said = ""
    if drops:
        said = f". To be rid of what is gone: {'; '.join(drops)}"
    if config.drift is Policy.FREEZE and (mends or drops):
        said += ". `drift: evolve` in the table file adds, widens and keeps by itself"
    return f"{said}. Run {'; '.join(mends)}" if mends else said
