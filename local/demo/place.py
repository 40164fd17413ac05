"""The demo's state directory: what an earlier demo left, and what is not the demo's to delete."""

import sqlite3
from contextlib import closing
from pathlib import Path

from local.demo import dataset
from local.state import delete, is_there
from local.topology import PREFIX
from shared.cli import render
from shared.core import naming
from shared.errors import InvalidConfigError

MADE = ("feedback.csv",)
"""Files that the demo leaves beside the cloud's own."""


def require_own(state: Path) -> None:
    """Make sure that a folder holds no cloud, or that of a demo with nothing added.

    Raises:
        InvalidConfigError: there is more: a table that had runs, a database in the source.
    """
    found = [f"table {name}" for name in sorted(_tables(state) - dataset.OWN - {naming.NO_TABLE})]
    found += [f"database {name}" for name in sorted(_databases(state) - {dataset.DATABASE})]
    if found:
        raise InvalidConfigError(
            f"the demo begins with a new cloud, and the one in {state} holds more than a demo's: "
            f"{', '.join(found)}. Delete it by `sluice local down --delete --state {state}`, or "
            "keep it and put the demo elsewhere: `make demo STATE=.sluice/another`"
        )


def clear(state: Path) -> None:
    """Delete what an earlier demo left, and say so."""
    if is_there(state):
        render.plain(f"deleting the earlier demo in {state}: its cloud, tables, runs and rows")
        delete(state)
        for name in MADE:
            (state / name).unlink(missing_ok=True)


def _tables(state: Path) -> set[str]:
    """Return the tables that had runs, whether the cloud is up or not."""
    catalogue = state / "gcs" / "catalogue.sqlite3"
    if not catalogue.exists():
        return set()
    prefix = naming.runs_prefix()
    with closing(sqlite3.connect(f"{catalogue.resolve().as_uri()}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT name FROM objects WHERE bucket = ? AND name LIKE ? AND deleted_at IS NULL",
            (f"{PREFIX}-state", f"{prefix}%"),
        )
        return {name.removeprefix(prefix).partition("/")[0] for (name,) in rows}


def _databases(state: Path) -> set[str]:
    return {file.stem for file in (state / "snowflake" / "databases").glob("*.duckdb")}
