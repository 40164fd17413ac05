"""One refresh of a model in PostgreSQL, as one transaction makes it.

The snapshot is one (REPEATABLE READ): what the SELECT sees, where its inputs stood, the model's own
state row. Whoever refreshed the model meanwhile makes this transaction fail with a serialization
failure, and the message comes again.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from shared.config.curated import ModelTest, ResolvedModel
from shared.core import curated
from shared.core.checks import CheckResult, Severity, Verdict, require_passed
from shared.core.curated import InputState
from shared.core.fencing import TargetState
from shared.core.manifests import Manifest
from shared.core.modes import SyncMode
from shared.core.schemas import TableSchema
from shared.core.windows import Window
from shared.errors import MismatchError, SchemaConflictError, TargetUnavailableError
from shared.targets.base import LoadRecord
from shared.targets.curated import Order, Refresh, Refreshed
from shared.targets.postgres import catalog, curated_records, curated_sql, sql
from shared.targets.postgres.curated_records import Rows
from shared.targets.postgres.dialect import POSTGRES
from shared.targets.relational import bookkeeping
from shared.targets.relational.reading import columns_of

Found = list[tuple[str, str]]
"""Name and type of each column."""


class Refreshing:
    """One model, in the transaction that refreshes it."""

    def __init__(self, cursor: Any, resolved: ResolvedModel, table: str) -> None:
        self._cursor = cursor
        self._resolved = resolved
        self._model = resolved.model
        self._name = resolved.model.name
        self._table = table

    def refresh(self, order: Order, confirm: Callable[[], None]) -> Refreshed:
        """Make the rows of the model what its SELECT says now, once."""
        cursor = self._cursor
        cursor.execute(curated_sql.ONE_SNAPSHOT)
        state = bookkeeping.read_state(cursor, POSTGRES, self._name, for_update=True)
        if load := bookkeeping.read_load(cursor, POSTGRES, order.run_id):
            return self._committed_before(load, state)
        standings = self._standings()
        if missing := sorted(set(self._resolved.inputs) - {each.name for each in standings}):
            return Refreshed(outcome=Refresh.WAITING, missing=tuple(missing))
        existing = self._columns(self._table)
        self._require_own(existing, state)
        token = curated.token(self._resolved.definition, self._table, standings)
        is_same = token == state.change_token and bool(existing)
        if is_same and not (order.is_asked_for or order.is_full):
            return Refreshed(outcome=Refresh.UNCHANGED)
        refreshed = self._rebuild(order, state, token, existing)
        confirm()
        return refreshed

    def _rebuild(self, order: Order, state: TargetState, token: str, existing: Found) -> Refreshed:
        low = self._low(order, state) if existing else None
        staged = self._stage(low)
        if low is not None and staged != existing:
            low = None  # the rows that are there have other columns
            staged = self._stage(None)
        self._require_key()
        high = self._high(state.watermark if low is not None else None)
        rows = self._apply(state, staged, existing, low)
        results = tuple(self._tested(test) for test in self._model.tests)
        require_passed(self._name, results)
        manifest = self._manifest(order, state, token, window=(low, high), rows=rows)
        load = curated_records.load(manifest, rows, is_base=low is None)
        bookkeeping.record(self._cursor, POSTGRES, self._name, manifest, state, load)
        window = (manifest.low, manifest.high)
        return Refreshed(
            outcome=Refresh.COMMITTED,
            receipt=curated_records.receipt(load, manifest.snapshot, window, manifest.notes),
            results=results,
            inputs=curated.input_runs(token),
        )

    def _committed_before(self, load: LoadRecord, state: TargetState) -> Refreshed:
        """Return what the record of a committed run tells: its ledger may not know of the commit.

        Tests and inputs are those of the table as it is, unless it was refreshed again since.
        """
        self._cursor.execute(curated_sql.WINDOW, (load.run_id,))
        snapshot, low, high = self._cursor.fetchone()
        is_last = state.run_id == load.run_id
        return Refreshed(
            outcome=Refresh.ALREADY,
            receipt=curated_records.receipt(
                load, snapshot, (low, high), (curated_records.RECORDED,)
            ),
            results=tuple(self._tested(test) for test in self._model.tests if is_last),
            inputs=curated.input_runs(state.change_token) if is_last else {},
        )

    def _low(self, order: Order, state: TargetState) -> str | None:
        """Return from which cursor on rows are made; None: all of them."""
        is_incremental = self._model.materialised == "incremental" and not order.is_full
        is_ours = curated.is_made_by(self._resolved.definition, state.change_token)
        return state.watermark if is_incremental and is_ours else None

    def _stage(self, low: str | None) -> Found:
        """Compute the rows into a table of this transaction; return its columns.

        Raises:
            TargetUnavailableError: a table was made anew since the snapshot.
        """
        self._cursor.execute(sql.drop(curated_sql.STAGE))
        self._cursor.execute(curated_sql.stage(self._resolved.sql, self._model.cursor or "", low))
        self._require_seen()
        return self._columns(curated_sql.STAGE)

    def _require_seen(self) -> None:
        """Make sure that no table was made anew between the snapshot and the SELECT.

        Raises:
            TargetUnavailableError: one was, and looked empty; the next snapshot has its rows.
        """
        self._cursor.execute(curated_sql.UNSEEN)
        if self._cursor.fetchone()[0]:
            raise TargetUnavailableError(
                f"a table that {self._name} reads was made anew meanwhile; the refresh comes again"
            )

    def _require_key(self) -> None:
        """Make sure that the key tells rows apart, and that the cursor tells what is new.

        Raises:
            CheckFailedError: they do not.
        """
        key = self._model.unique_key
        needed = [*key, *([self._model.cursor] if self._model.cursor else [])]
        tests = [ModelTest(not_null=[*dict.fromkeys(needed)])] if needed else []
        tests += [ModelTest(unique=key)] if key else []
        results = [self._tested(test, curated_sql.STAGE) for test in tests]
        require_passed(self._name, results)

    def _high(self, low: str | None) -> str | None:
        if self._model.cursor is None:
            return None
        self._cursor.execute(curated_sql.newest(self._model.cursor))
        newest: str | None = self._cursor.fetchone()[0]
        return newest or low

    def _apply(self, state: TargetState, staged: Found, existing: Found, low: str | None) -> Rows:
        before = self._count(self._table) if existing else 0
        if existing != staged:
            self._make()
        is_base = low is None
        delete = (
            sql.delete_all(self._table)
            if is_base
            else curated_sql.delete_staged(self._table, self._model.unique_key)
        )
        self._cursor.execute(delete)
        replaced = int(self._cursor.rowcount)
        if is_base and existing == staged:
            self._rekey(state)
        self._cursor.execute(curated_sql.insert_staged(self._table, [name for name, _ in staged]))
        is_other = bool(existing) and existing != staged
        rows = Rows(
            staged=int(self._cursor.rowcount),
            before=before,
            after=self._count(self._table),
            replaced=replaced,
            notes=(f"{self._table} was made anew: its columns were others",) if is_other else (),
        )
        self._require_rows(rows, is_base=is_base)
        return rows

    def _make(self) -> None:
        """Make the table with the columns of the staged rows, in the place of one that is there."""
        self._cursor.execute(sql.drop(self._table))
        self._cursor.execute(curated_sql.create_like_stage(self._table))
        if self._model.unique_key:
            self._cursor.execute(curated_sql.add_key(self._table, self._model.unique_key))

    def _rekey(self, state: TargetState) -> None:
        """Give the table, whose rows are gone just now, the model's key if it has another one.

        Where the model has no key, a key that somebody else gave the table stays, unless the model
        was another one before.
        """
        wanted = tuple(self._model.unique_key)
        found = catalog.primary_key(self._cursor, self._table)
        is_redefined = not curated.is_made_by(self._resolved.definition, state.change_token)
        if wanted == found or not (wanted or is_redefined):
            return
        if name := catalog.primary_key_name(self._cursor, self._table):
            self._cursor.execute(curated_sql.drop_key(self._table, name, found))
        if wanted:
            self._cursor.execute(curated_sql.add_key(self._table, wanted))

    def _require_rows(self, rows: Rows, *, is_base: bool) -> None:
        """Make sure that the table has the rows that the SELECT gave; a trigger may object.

        Raises:
            MismatchError: it has not.
        """
        counted = self._count(curated_sql.STAGE)
        expected = counted if is_base else rows.before - rows.replaced + counted
        if (rows.staged, rows.after) != (counted, expected):
            raise MismatchError(
                f"the SELECT of {self._name} gave {counted} rows, {rows.staged} were inserted, and "
                f"{self._table} has {rows.after} of {expected}; nothing was published. Look for "
                "triggers and rules of the table",
                table=self._name,
            )

    def _tested(self, test: ModelTest, table: str = "") -> CheckResult:
        """Count the rows that break a test, among all rows of the refreshed table."""
        self._cursor.execute(curated_sql.broken(test, table or self._table))
        broken = int(self._cursor.fetchone()[0])
        failed = Verdict.FAILED if test.severity is Severity.FAIL else Verdict.WARNED
        return CheckResult(
            name=test.title,
            severity=test.severity,
            verdict=failed if broken else Verdict.PASSED,
            rows=broken,
            reason=f"{broken} rows break it" if broken else "",
        )

    def _manifest(
        self,
        order: Order,
        state: TargetState,
        token: str,
        *,
        window: tuple[str | None, str | None],
        rows: Rows,
    ) -> Manifest:
        """Return what the books want to know of a run; no part of it is ever staged in a bucket."""
        self._cursor.execute(sql.NOW)
        at: datetime = self._cursor.fetchone()[0]
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
            schema=self._schema_of(),
            parts=(),
            rows_source=rows.staged,
            rows_rejected=0,
            config_generation=order.config_generation,
            change_token=token,
            code_version=order.code_version,
            created_at=at.replace(tzinfo=UTC),
            notes=(f"rows before {rows.before}, after {rows.after}", f"read {inputs}", *rows.notes),
        )

    def _standings(self) -> list[InputState]:
        """Return where the inputs stand; one that was never published is not among them."""
        self._cursor.execute(curated_sql.STANDINGS, (list(self._resolved.inputs),))
        return [InputState(name=n, epoch=int(e), run_id=r) for n, e, r in self._cursor.fetchall()]

    def _schema_of(self) -> TableSchema:
        columns = columns_of(self._cursor, POSTGRES, self._table)
        return TableSchema(columns, tuple(self._model.unique_key))

    def _columns(self, table: str) -> Found:
        return [(name, kind) for name, kind, _ in catalog.columns(self._cursor, table)]

    def _count(self, table: str) -> int:
        self._cursor.execute(sql.count(table))
        return int(self._cursor.fetchone()[0])

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
