"""The ``_sluice`` schema: what Sluice remembers in the target, changed where the rows change.

``state`` has one row per table, the fence; ``loads`` one per published run; ``files`` one per
loaded file; ``staged`` one per part that a staging table holds; ``schemas`` one whenever the
columns of a table's source are others than before.
"""

from datetime import UTC
from typing import Any

from shared.config.places import BOOKKEEPING_SCHEMA
from shared.core import drift, fencing, stored
from shared.core.drift import PastSchema
from shared.core.fencing import TargetState
from shared.core.manifests import FileOrigin, Manifest
from shared.core.schemas import TableSchema
from shared.errors import IntegrityError
from shared.targets.base import LoadRecord, PastLoad
from shared.targets.relational.dialect import Dialect
from shared.wire import from_json, to_json


def is_there(cursor: Any, dialect: Dialect) -> bool:
    """Say whether anything was ever published; tables of an older version are completed."""
    if not dialect.catalog.exists(cursor, _table(dialect, "state")):
        return False
    ensure(cursor, dialect)
    return True


def ensure(cursor: Any, dialect: Dialect) -> None:
    """Create the tables, or complete those of an older version."""
    books = dialect.books
    if version(cursor, dialect) >= books.VERSION:
        return
    books.lock(cursor)
    if _is_done(cursor, dialect):
        return  # while this waited; doing it again would lock what others publish to
    for statement in books.TABLES:
        cursor.execute(statement)
    cursor.execute(books.STATEMENTS.write_version, (books.VERSION,))


def version(cursor: Any, dialect: Dialect) -> int:
    """Return the version of the tables; 0 where there are none."""
    if not dialect.catalog.exists(cursor, _table(dialect, "versions")):
        return 0
    cursor.execute(dialect.books.STATEMENTS.read_version)
    return int(cursor.fetchone()[0] or 0)


def _is_done(cursor: Any, dialect: Dialect) -> bool:
    """Look again, in the catalogue: the session may remember a name as one that is not there."""
    if "versions" not in dialect.catalog.tables(cursor, BOOKKEEPING_SCHEMA):
        return False
    cursor.execute(dialect.books.STATEMENTS.read_version)
    return int(cursor.fetchone()[0] or 0) >= dialect.books.VERSION


def staging_runs(cursor: Any, dialect: Dialect) -> dict[str, int]:
    """Return the runs that have a staging table, each with the number of its staged parts."""
    if not dialect.catalog.exists(cursor, _table(dialect, "staged")):
        return {}
    cursor.execute(dialect.books.STATEMENTS.read_staging_runs)
    return {run_id: int(parts) for run_id, parts in cursor.fetchall()}


def read_state(
    cursor: Any, dialect: Dialect, table: str, *, for_update: bool = False
) -> TargetState:
    """Return a table's state row; a table never loaded has an empty one."""
    if for_update:
        dialect.books.lock_state(cursor, table)
    else:
        cursor.execute(dialect.books.STATEMENTS.read_state, (table,))
    row = cursor.fetchone()
    if row is None:
        return TargetState()
    watermark, snapshot, run_id, epoch, change_token = row
    return TargetState(
        watermark=watermark,
        snapshot=snapshot,
        run_id=run_id,
        epoch=epoch,
        change_token=change_token,
    )


def read_load(cursor: Any, dialect: Dialect, run_id: str) -> LoadRecord | None:
    """Return the record of a committed run; None when it never committed."""
    cursor.execute(dialect.books.STATEMENTS.read_load, (run_id,))
    row = cursor.fetchone()
    if row is None:
        return None
    _, loaded, inserted, updated, deleted, is_base = row
    return LoadRecord(
        run_id=run_id,
        rows_loaded=loaded,
        rows_inserted=inserted,
        rows_updated=updated,
        rows_deleted=deleted,
        is_base=is_base,
    )


def lineage(cursor: Any, dialect: Dialect, table: str, run_id: str) -> tuple[PastLoad, ...]:
    """Return the publishes that a table consisted of after a run; see ``Target.lineage``."""
    statement = dialect.books.STATEMENTS.read_lineage
    cursor.execute(statement, (table, run_id, table, table, run_id))
    rows = cursor.fetchall()
    if rows and rows[-1][2] - rows[0][2] != len(rows) - 1:
        return ()  # a record is missing, and so is what it stands for
    return tuple(PastLoad(run_id=found, watermark=watermark) for found, watermark, _ in rows)


def find_content(
    cursor: Any, dialect: Dialect, table: str, file: FileOrigin, run_id: str | None
) -> str | None:
    """Return the place of a loaded file of the same content, if there is one.

    Args:
        cursor: inside the publish's transaction.
        dialect: the engine's.
        table: the table's name.
        file: the file to compare with.
        run_id: only the file of this run counts; None: any file of the table.
    """
    cursor.execute(dialect.books.STATEMENTS.find_content, (table, file.identity, run_id))
    row = cursor.fetchone()
    return stored.place(*row) if row else None


def read_schemas(cursor: Any, dialect: Dialect, table: str) -> tuple[PastSchema, ...]:
    """Return the schemas that a table's source has had, oldest first."""
    cursor.execute(dialect.books.STATEMENTS.read_schemas, (table,))
    return tuple(
        PastSchema(
            schema=from_json(
                TableSchema, columns.encode(), f"{BOOKKEEPING_SCHEMA}.schemas of {table}"
            ),
            run_id=run_id,
            epoch=int(epoch),
            changes=tuple(changes.splitlines()),
            recorded_at=at.replace(tzinfo=UTC) if at.tzinfo is None else at,
        )
        for columns, run_id, epoch, changes, at in cursor.fetchall()
    )


def _note_schema(cursor: Any, dialect: Dialect, table: str, manifest: Manifest, epoch: int) -> None:
    """Write a run's columns down, if they are the first or others than the last."""
    last = next(reversed(read_schemas(cursor, dialect, table)), None)
    changes = drift.changes(last.schema if last else None, manifest.schema)
    if last is None or changes:
        columns, said = to_json(manifest.schema).decode(), "\n".join(changes)
        row = (table, epoch, manifest.run_id, columns, said)
        cursor.execute(dialect.books.STATEMENTS.write_schema, row)


def record(
    cursor: Any,
    dialect: Dialect,
    table: str,
    manifest: Manifest,
    state: TargetState,
    load: LoadRecord,
) -> None:
    """Write down that a run is published: its load, its file, and the table's new state.

    Raises:
        IntegrityError: the state row is no longer as it was read.
    """
    statements, after = dialect.books.STATEMENTS, fencing.next_state(manifest, state)
    cursor.execute(
        statements.write_state,
        (after.watermark, after.snapshot, after.run_id, after.change_token, table, state.epoch),
    )
    if cursor.rowcount != 1:
        raise IntegrityError(
            f"the state row of {table} changed under its lock; run {manifest.run_id} was rolled "
            "back"
        )
    cursor.execute(statements.write_load, _load_row(table, manifest, load, after))
    _note_schema(cursor, dialect, table, manifest, after.epoch)
    if manifest.rewind:
        # The rows of later files are gone, so the same files may be dropped again.
        kept = [layer.run_id for layer in manifest.rewind.layers] or [manifest.rewind.run_id]
        dialect.books.forget_files(cursor, table, kept)
    if manifest.file:
        file = manifest.file
        cursor.execute(
            statements.write_file,
            (file.bucket, file.name, file.generation, file.identity, table, manifest.run_id),
        )


def _load_row(
    table: str, manifest: Manifest, load: LoadRecord, after: TargetState
) -> tuple[object, ...]:
    return (
        manifest.run_id,
        table,
        manifest.publish_mode,
        manifest.low,
        manifest.high,
        manifest.snapshot,
        manifest.attempt,
        manifest.query_id,
        load.rows_loaded,
        load.rows_inserted,
        load.rows_updated,
        load.rows_deleted,
        manifest.rows_rejected,
        manifest.code_version,
        after.epoch,
        after.watermark,
        load.is_base,
    )


def _table(dialect: Dialect, name: str) -> str:
    return dialect.sql.qualified(BOOKKEEPING_SCHEMA, name)
