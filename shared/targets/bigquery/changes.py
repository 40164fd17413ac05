"""What one run does to its table's rows: looked at first, then done by one script."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.config.places import BigQueryTable
from shared.config.tables import TableConfig
from shared.core.fidelity import Consent
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.schemas import DataType, Kind, TableSchema
from shared.errors import NotStagedError
from shared.targets.bigquery import sql, tables, types
from shared.targets.bigquery.bookkeeping import Books, BookState
from shared.targets.bigquery.drifting import Drifting
from shared.targets.bigquery.jobs import Done, Jobs
from shared.targets.bigquery.staging import Staging
from shared.targets.bigquery.tables import Found, Ref
from shared.targets.guards import Guards, marker, require_anything

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was found, and what follows from it."""

    found: Found | None
    staging: str
    """The staged rows, as what stands in FROM: altered where the table file accepts it."""
    rows: int


class Altered(NamedTuple):
    """What a table file accepts for a column: its staged value then, and the number of changes."""

    consent: Consent
    value: str
    counted_as: str


class Changes:
    """The changes of one run, from its staging tables to its table."""

    def __init__(
        self, jobs: Jobs, books: Books, config: TableConfig, table: Ref, manifest: Manifest
    ) -> None:
        self._jobs = jobs
        self._books = books
        self._config = config
        self._table = table
        self._manifest = manifest
        self._staging = Staging(jobs, books, manifest)
        self._columns = list(manifest.schema)
        self._key = manifest.schema.primary_key if manifest.mode is not SyncMode.APPEND else ()
        self._marker = marker(config)
        self._guards = Guards(config, table.sql, manifest)
        self._is_full = manifest.mode is SyncMode.FULL

    def check(self, last: TableSchema | None) -> Plan:
        """Look at what is staged and what is there; change nothing.

        Args:
            last: the schema of the last run that was published.

        Raises:
            EmptySourceError: the guard stops a run that would lose too many rows.
            IntegrityError: the key is NULL or repeated among the staged rows.
            NotStagedError: rows are missing, or a staging table is gone.
            SchemaConflictError: the existing table would alter values, or is gone.
        """
        self._staging.require(self._staging.rows)
        found = tables.find(self._jobs, self._table)
        if found:
            self._require_fit(found, last)
        else:
            self._guards.require_table()
        staging = sql.altered(
            self._staging.rows.sql, self._columns, {n: a.value for n, a in self._altered(found)}
        )
        numbers = self._numbers(found, staging)
        self._require_staged(numbers)
        if self._key:
            self._guards.require_key(
                null_rows=numbers["null_rows"], repeated_keys=numbers["repeated_keys"]
            )
        for column, limit in self._limits(found).items():
            longer = numbers[f"long_{self._manifest.schema.names.index(column)}"]
            if Consent.LENGTH not in self._accepted(column):
                self._guards.require_short(column, longer=longer, limit=limit)
        self._tell(found, numbers)
        if not self._manifest.allow_empty:
            if self._is_full:
                self._guards.require_rows(numbers["present"])
            elif self._compares_keys:
                self._guards.require_few_deletes(
                    present=numbers["present"], deleted=numbers["missing"]
                )
        return Plan(found=found, staging=staging, rows=numbers["rows"])

    def create(self, plan: Plan, place: BigQueryTable) -> None:
        """Create the table if it is not there, and what marks its rows."""
        if plan.found is None:
            tables.create(self._jobs, self._table, self._manifest.schema, place, key=True)
        if self._marker and (plan.found is None or self._marker not in plan.found.columns):
            tables.add_column(self._jobs, self._table, self._marker, sql.MARKER_TYPE)

    def run(self, plan: Plan, booked: BookState) -> Done:
        """Publish by one job, from exactly the state that the plan was made in.

        Raises:
            TargetUnavailableError: another transaction was faster.
            TargetRefusedError: with ``sql.FENCE``, another run was published since.
        """
        is_base = self._is_full or plan.rows == 0
        step = self._books.step(self._manifest, booked, is_base=is_base)
        statements = [*step.fence, *self._changes(plan), *step.records]
        values = step.values
        if self._marker:
            values = {**values, "marked_at": _moment(self._manifest.snapshot)}
        stem = f"sluice_publish_{self._manifest.run_id}_{booked.state.epoch}"
        return self._jobs.script(stem, sql.declare() + sql.script(statements), values)

    def scanned_bytes(self) -> int:
        """Return how many bytes of the table the publish would read, at most."""
        found = tables.find(self._jobs, self._table)
        if found is None or not self._key:
            return 0
        nothing = sql.nothing_staged(self._columns)
        statements = [
            sql.merge(self._table.sql, nothing, self._columns, self._key, marker=self._marker)
        ]
        if self._is_full or self._compares_keys:
            keys = sql.nothing_staged(list(self._manifest.schema.only_key))
            statements.append(sql.count_missing(self._table.sql, keys, self._key, self._marker))
        return sum(self._jobs.scanned_bytes(statement) for statement in statements)

    @property
    def _compares_keys(self) -> bool:
        return self._manifest.key_parts is not None and self._config.deletes is not None

    def _keys(self, staging: str) -> str:
        return staging if self._is_full else self._staging.keys.sql

    def _accepted(self, column: str) -> Collection[Consent]:
        return self._config.accept.get(column, ())

    def _altered(self, found: Found | None) -> Iterator[tuple[str, Altered]]:
        """Yield the columns whose values are altered as the table file accepts it, and how."""
        kinds = found.columns if found else {}
        for position, column in enumerate(self._columns):
            name, kind = column.name, kinds.get(column.name, "")
            limit, accepted = types.length_limit(kind), self._accepted(column.name)
            if limit is not None and Consent.LENGTH in accepted:
                yield name, Altered(Consent.LENGTH, sql.cut(name, limit), f"long_{position}")
            elif Consent.ROUND in accepted and types.rounds(kind, column.type):
                value = sql.rounded(name, types.scale(kind) or 0)
                yield name, Altered(Consent.ROUND, value, f"rounded_{position}")

    def _tell(self, found: Found | None, numbers: dict[str, int]) -> None:
        for column, altered in self._altered(found):
            if differ := numbers[altered.counted_as]:
                altering = {"column": column, "consent": str(altered.consent), "values": differ}
                log.warning("values altered as the table accepts", extra=altering)

    def _require_fit(self, found: Found, last: TableSchema | None) -> None:
        last = None if self._manifest.rewind else last
        drifting = Drifting(self._jobs, self._config, self._table, last)
        drifting.require(found, self._manifest.schema)
        if self._marker:
            kind = found.columns.get(self._marker)
            # A column that is not there yet is added before the publish.
            is_held = kind is None or types.holds(kind, DataType(Kind.TIMESTAMPTZ))
            self._guards.require_marker(kind, is_held=is_held, wanted=sql.MARKER_TYPE)

    def _limits(self, found: Found | None) -> dict[str, int]:
        kinds = found.columns if found else {}
        limits = {c.name: types.length_limit(kinds.get(c.name, "")) for c in self._columns}
        return {name: limit for name, limit in limits.items() if limit is not None}

    def _numbers(self, found: Found | None, staging: str) -> dict[str, int]:
        """Count, in one query, all that the checks need."""
        table, rows = self._table.sql, self._staging.rows.sql
        queries = {"staged": sql.count(rows), "rows": "0", "present": "0", "missing": "0"}
        if self._manifest.key_parts is not None:
            self._staging.require(self._staging.keys)
            queries["staged_keys"] = sql.count(self._staging.keys.sql)
        if self._key:
            queries["null_rows"] = sql.null_key(staging, self._key)
            queries["repeated_keys"] = sql.repeated_key(staging, self._key)
        if found:
            is_marked = self._marker if self._marker in found.columns else None
            queries["rows"] = sql.count(table)
            queries["present"] = sql.count_unmarked(table, is_marked)
            if self._compares_keys and not self._manifest.allow_empty:
                keys = self._keys(staging)
                queries["missing"] = sql.count_missing(table, keys, self._key, is_marked)
        for column, limit in self._limits(found).items():
            name = f"long_{self._manifest.schema.names.index(column)}"
            kind = found.columns[column] if found else ""
            queries[name] = sql.too_long(rows, column, kind, limit)
        for column, altered in self._altered(found):
            if altered.consent is Consent.ROUND:
                scale = types.scale(found.columns[column]) if found else None
                queries[altered.counted_as] = sql.count_rounded(rows, column, scale or 0)
        row: Any = next(iter(self._jobs.query(sql.numbers(queries))))
        return {name: int(row[name]) for name in queries}

    def _require_staged(self, numbers: dict[str, int]) -> None:
        manifest = self._manifest
        expected = {"staged": manifest.rows_staged}
        if manifest.key_parts is not None:
            expected["staged_keys"] = sum(part.rows for part in manifest.key_parts)
        if manifest.rewind:
            require_anything(manifest.rewind)
            missing = manifest.rewind.names - self._staging.parts()
            expected = {}
            if missing:
                raise NotStagedError(
                    f"{len(missing)} parts of the runs before {manifest.rewind.run_id} are not "
                    "staged yet; nothing was published",
                    run_id=manifest.run_id,
                )
        for name, rows in expected.items():
            if numbers[name] != rows:
                raise NotStagedError(
                    f"a staging table of run {manifest.run_id} holds {numbers[name]} rows of "
                    f"{rows}; nothing was published",
                    run_id=manifest.run_id,
                )

    def _changes(self, plan: Plan) -> list[str]:
        """Return the statements that change rows, each followed by what counts them."""
        table, staging = self._table.sql, plan.staging
        statements = self._deletes(staging)
        if not self._key:
            insert = sql.insert_all(table, staging, self._columns)
            return [*statements, insert, f"SET {sql.INSERTED} = @@row_count"]
        merge = sql.merge(
            *(table, staging, self._columns, self._key),
            marker=self._marker,
            pruned=self._pruned(plan.found),
        )
        statements += [
            f"SET {sql.BEFORE} = ({sql.count(table)})",
            merge,
            f"SET {sql.UPDATED} = @@row_count",
            f"SET {sql.INSERTED} = ({sql.count(table)}) - {sql.BEFORE}",
            f"SET {sql.UPDATED} = {sql.UPDATED} - {sql.INSERTED}",
        ]
        if self._marker and self._manifest.key_parts is not None:
            # A row may come back as it was, with a cursor that no window reads again.
            unmark = sql.unmark_present(table, self._staging.keys.sql, self._key, self._marker)
            statements += [unmark, f"SET {sql.UPDATED} = {sql.UPDATED} + @@row_count"]
        return statements

    def _deletes(self, staging: str) -> list[str]:
        table, keys = self._table.sql, self._keys(staging)
        if self._is_full and not self._key:
            statement = sql.delete_all(table)
        elif not (self._is_full or self._compares_keys):
            return []
        elif self._marker:
            statement = sql.mark_missing(table, keys, self._key, self._marker)
        else:
            statement = sql.delete_missing(table, keys, self._key)
        return [statement, f"SET {sql.DELETED} = @@row_count"]

    def _pruned(self, found: Found | None) -> str | None:
        """Return the condition that keeps a merge to the partitions it touches; None: to all.

        Rows of the table whose key is staged may be in another partition than the staged row, so
        those partitions are looked up first, by key and date alone; a date that is a part of the
        key cannot differ.
        """
        column = found.partitioned_by if found else None
        is_staged = column in self._manifest.schema.names
        if found is None or column is None or self._is_full or not is_staged:
            return None
        days = self._jobs.query(
            sql.staged_days(
                *(self._table.sql, self._staging.rows.sql, self._key, column),
                with_table=column not in self._key,
            )
        )
        return sql.within(column, found.columns[column], [row[0] for row in days])


def _moment(snapshot: str) -> datetime:
    """Return a snapshot's time, without the digits below a microsecond."""
    return datetime.fromisoformat(snapshot[:26]).replace(tzinfo=UTC)
