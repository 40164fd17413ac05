"""Models in PostgreSQL: a SELECT's rows put in the place of those before, or merged into them.

Everything is one transaction of one snapshot (REPEATABLE READ): what the SELECT sees, where its
inputs stood, the model's own state row. Whoever refreshed the model meanwhile makes this
transaction fail with a serialization failure, and the message comes again. Readers see the rows
before, until the commit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.config.curated import ModelTest, ResolvedModel
from shared.core import curated
from shared.core.checks import CheckResult, Severity, Verdict, require_passed
from shared.core.curated import Standing
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.receipts import Receipt
from shared.core.receipts import Verdict as ReceiptVerdict
from shared.core.schemas import Column, TableSchema
from shared.core.windows import Window
from shared.errors import (
    InvalidConfigError,
    MismatchError,
    SchemaConflictError,
    TargetUnavailableError,
)
from shared.secrets import Secrets
from shared.targets.base import LoadRecord
from shared.targets.curated import Order, Refresh, Refreshed
from shared.targets.postgres import catalog, connection, curated_sql, sql, types
from shared.targets.postgres.dialect import POSTGRES
from shared.targets.relational import bookkeeping

Found = list[tuple[str, str]]
"""Name and type of each column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What a refresh did to the table."""

    staged: int
    before: int
    after: int
    replaced: int
    """Rows of the same key that gave way, or all of them."""
    notes: tuple[str, ...] = ()


class PostgresModel:
    """One model in PostgreSQL, for one refresh."""

    def __init__(self, resolved: ResolvedModel, secrets: Secrets) -> None:
        reach, place = resolved.connections.postgres, resolved.model.place
        if reach is None:
            raise InvalidConfigError(f"model {resolved.model.name} needs connections.postgres")
        self._resolved = resolved
        self._model = resolved.model
        self._name = resolved.model.name
        self._schema = place.schema_
        self._table = sql.qualified(place.schema_, place.table)
        self._address = reach.instance or f"{reach.host}:{reach.port}"
        self._connection = connection.connect(reach, secrets)

    def refresh(self, order: Order) -> Refreshed:
        """Make the rows of the model what its SELECT says now, once, in one transaction."""
        self._prepare()
        with self._transaction() as cursor:
            cursor.execute(curated_sql.ONE_SNAPSHOT)
            state = bookkeeping.read_state(cursor, POSTGRES, self._name, for_update=True)
            if bookkeeping.read_load(cursor, POSTGRES, order.run_id):
                inputs = curated.input_runs(state.change_token)
                return Refreshed(outcome=Refresh.ALREADY, inputs=inputs)
            standings = self._standings(cursor)
            if missing := sorted(set(self._resolved.inputs) - {each.name for each in standings}):
                return Refreshed(outcome=Refresh.WAITING, missing=tuple(missing))
            existing = self._columns(cursor, self._table)
            self._require_own(existing, state)
            token = curated.token(self._resolved.definition, self._table, standings)
            is_same = token == state.change_token and bool(existing)
            if is_same and not (order.is_asked_for or order.is_full):
                return Refreshed(outcome=Refresh.UNCHANGED)
            return self._rebuild(cursor, order, state, token, existing)

    def close(self) -> None:
        """Close the connection."""
        connection.close(self._connection)

    # One transaction ------------------------------------------------------------------------------

    def _rebuild(
        self, cursor: Any, order: Order, state: TargetState, token: str, existing: Found
    ) -> Refreshed:
        low = self._low(order, state) if existing else None
        staged = self._stage(cursor, low)
        if low is not None and staged != existing:
            low = None  # the rows that are there have other columns
            staged = self._stage(cursor, None)
        self._require_key(cursor)
        high = self._high(cursor, state.watermark if low is not None else None)
        rows = self._apply(cursor, staged, existing, low)
        results = tuple(self._tested(cursor, test) for test in self._model.tests)
        require_passed(self._name, results)
        manifest = self._manifest(cursor, order, state, token, window=(low, high), rows=rows)
        self._record(cursor, manifest, state, rows, is_base=low is None)
        return Refreshed(
            outcome=Refresh.COMMITTED,
            receipt=_receipt(manifest, rows, is_base=low is None),
            results=results,
            inputs=curated.input_runs(token),
        )

    def _low(self, order: Order, state: TargetState) -> str | None:
        """Return from which cursor on rows are made; None: all of them."""
        is_incremental = self._model.materialised == "incremental" and not order.is_full
        is_ours = curated.is_made_by(self._resolved.definition, state.change_token)
        return state.watermark if is_incremental and is_ours else None

    def _stage(self, cursor: Any, low: str | None) -> Found:
        """Compute the rows into a table of this transaction; return its columns.

        Raises:
            TargetUnavailableError: a table was made anew since the snapshot.
        """
        cursor.execute(sql.drop(curated_sql.STAGE))
        cursor.execute(curated_sql.stage(self._resolved.sql, self._model.cursor or "", low))
        self._require_seen(cursor)
        return self._columns(cursor, curated_sql.STAGE)

    def _require_seen(self, cursor: Any) -> None:
        """Make sure that no table was made anew between the snapshot and the SELECT.

        Raises:
            TargetUnavailableError: one was, and looked empty; the next snapshot has its rows.
        """
        cursor.execute(curated_sql.UNSEEN)
        if cursor.fetchone()[0]:
            raise TargetUnavailableError(
                f"a table that {self._name} reads was made anew meanwhile; the refresh comes again"
            )

    def _require_key(self, cursor: Any) -> None:
        """Make sure that the key tells rows apart, and that the cursor tells what is new.

        Raises:
            CheckFailedError: they do not.
        """
        key = self._model.unique_key
        needed = [*key, *([self._model.cursor] if self._model.cursor else [])]
        tests = [ModelTest(not_null=[*dict.fromkeys(needed)])] if needed else []
        tests += [ModelTest(unique=key)] if key else []
        results = [self._tested(cursor, test, curated_sql.STAGE) for test in tests]
        require_passed(self._name, results)

    def _high(self, cursor: Any, low: str | None) -> str | None:
        if self._model.cursor is None:
            return None
        cursor.execute(curated_sql.newest(self._model.cursor))
        newest: str | None = cursor.fetchone()[0]
        return newest or low

    def _apply(self, cursor: Any, staged: Found, existing: Found, low: str | None) -> _Rows:
        notes: tuple[str, ...] = ()
        before = self._count(cursor, self._table) if existing else 0
        if existing != staged:
            if existing:
                notes = (f"{self._table} was made anew: its columns were others",)
            cursor.execute(sql.drop(self._table))
            cursor.execute(curated_sql.create_like_stage(self._table))
            if self._model.unique_key:
                cursor.execute(curated_sql.add_key(self._table, self._model.unique_key))
        is_base = low is None
        delete = (
            sql.delete_all(self._table)
            if is_base
            else curated_sql.delete_staged(self._table, self._model.unique_key)
        )
        cursor.execute(delete)
        replaced = int(cursor.rowcount)
        cursor.execute(curated_sql.insert_staged(self._table, [name for name, _ in staged]))
        rows = _Rows(
            staged=int(cursor.rowcount),
            before=before,
            after=self._count(cursor, self._table),
            replaced=replaced,
            notes=notes,
        )
        self._require_rows(cursor, rows, is_base=is_base)
        return rows

    def _require_rows(self, cursor: Any, rows: _Rows, *, is_base: bool) -> None:
        """Make sure that the table has the rows that the SELECT gave; a trigger may object.

        Raises:
            MismatchError: it has not.
        """
        counted = self._count(cursor, curated_sql.STAGE)
        expected = counted if is_base else rows.before - rows.replaced + counted
        if (rows.staged, rows.after) != (counted, expected):
            raise MismatchError(
                f"the SELECT of {self._name} gave {counted} rows, {rows.staged} were inserted, and "
                f"{self._table} has {rows.after} of {expected}; nothing was published. Look for "
                "triggers and rules of the table",
                table=self._name,
            )

    def _tested(self, cursor: Any, test: ModelTest, table: str = "") -> CheckResult:
        """Count the rows that break a test, among all rows of the refreshed table."""
        cursor.execute(curated_sql.broken(test, table or self._table))
        broken = int(cursor.fetchone()[0])
        failed = Verdict.FAILED if test.severity is Severity.FAIL else Verdict.WARNED
        return CheckResult(
            name=test.title,
            severity=test.severity,
            verdict=failed if broken else Verdict.PASSED,
            rows=broken,
            reason=f"{broken} rows break it" if broken else "",
        )

    # Records --------------------------------------------------------------------------------------

    def _manifest(
        self,
        cursor: Any,
        order: Order,
        state: TargetState,
        token: str,
        *,
        window: tuple[str | None, str | None],
        rows: _Rows,
    ) -> Manifest:
        """Return what the books want to know of a run; no part of it is ever staged in a bucket."""
        cursor.execute(sql.NOW)
        at: datetime = cursor.fetchone()[0]
        low, high = window
        is_full = self._model.materialised == "full"
        stood = curated.input_runs(token)
        inputs = ", ".join(f"{name} as run {run_id} left it" for name, run_id in stood.items())
        return Manifest(
            run_id=order.run_id,
            table=self._name,
            attempt=order.attempt,
            mode=SyncMode.FULL if low is None else SyncMode.INCREMENTAL,
            snapshot=f"{at:%Y-%m-%d %H:%M:%S.%f}000",
            is_pinned=True,
            window=None if is_full else Window(low=low, high=high, read_from=low),
            epoch=state.epoch,
            schema=self._schema_of(cursor),
            parts=(),
            rows_source=rows.staged,
            rows_rejected=0,
            config_generation=order.config_generation,
            change_token=token,
            code_version=order.code_version,
            created_at=at.replace(tzinfo=UTC),
            notes=(f"rows before {rows.before}, after {rows.after}", f"read {inputs}", *rows.notes),
        )

    def _record(
        self, cursor: Any, manifest: Manifest, state: TargetState, rows: _Rows, *, is_base: bool
    ) -> None:
        load = LoadRecord(
            run_id=manifest.run_id,
            rows_loaded=rows.staged,
            rows_inserted=rows.staged if is_base else rows.staged - rows.replaced,
            rows_updated=0 if is_base else rows.replaced,
            rows_deleted=rows.before if is_base else 0,
            is_base=is_base,
        )
        bookkeeping.record(cursor, POSTGRES, self._name, manifest, state, load)

    def _standings(self, cursor: Any) -> list[Standing]:
        """Return where the inputs stand; one that was never published is not among them."""
        cursor.execute(curated_sql.STANDINGS, (list(self._resolved.inputs),))
        return [Standing(name=n, epoch=int(e), run_id=r) for n, e, r in cursor.fetchall()]

    def _schema_of(self, cursor: Any) -> TableSchema:
        found = catalog.columns(cursor, self._table)
        columns = tuple(
            Column(name=name, type=types.data_type(kind), is_nullable=not required)
            for name, kind, required in found
        )
        return TableSchema(columns, tuple(self._model.unique_key))

    def _columns(self, cursor: Any, table: str) -> Found:
        return [(name, kind) for name, kind, _ in catalog.columns(cursor, table)]

    def _count(self, cursor: Any, table: str) -> int:
        cursor.execute(sql.count(table))
        return int(cursor.fetchone()[0])

    def _require_own(self, existing: Found, state: TargetState) -> None:
        """Make sure that a table which is there is the model's own.

        That the model has a state row is not enough: it may have had another table until now.

        Raises:
            SchemaConflictError: it may be anybody's.
        """
        if existing and not curated.is_in(self._table, state.change_token):
            raise SchemaConflictError(
                f"{self._table} is there already, and no run of model {self._name} made it: its "
                "rows would be lost. Drop it, or let the model write another table",
                table=self._name,
            )

    # Connection -----------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Make sure that there is a state row to lock, and a schema for the table; on its own."""
        with self._transaction() as cursor:
            bookkeeping.ensure(cursor, POSTGRES)
            POSTGRES.books.ensure_state(cursor, self._name)
            if not catalog.schema_exists(cursor, self._schema):
                cursor.execute(sql.create_schema(self._schema))

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with connection.failures(self._address):
            cursor = self._connection.cursor()
            try:
                yield cursor
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise


def _receipt(manifest: Manifest, rows: _Rows, *, is_base: bool) -> Receipt:
    return Receipt(
        rows_source=rows.staged,
        rows_staged=rows.staged,
        rows_loaded=rows.staged,
        rows_rejected=0,
        rows_inserted=rows.staged if is_base else rows.staged - rows.replaced,
        rows_updated=0 if is_base else rows.replaced,
        rows_deleted=rows.before if is_base else 0,
        snapshot=manifest.snapshot,
        is_pinned=True,
        low=manifest.low,
        high=manifest.high,
        notes=manifest.notes,
        measured="all rows, counted before the commit",
        verdict=ReceiptVerdict.VERIFIED,
        reason="",
    )
