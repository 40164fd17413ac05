"""Bulk loading from local files: `POST /_seed`, which Snowflake does not have.

Fills a table from a Parquet or CSV file at DuckDB's speed, as one committed change like any other.
The table's own column types decide how values are read; a table that does not exist is created with
the types found in the file. Meant for demos and tests, in place of PUT and COPY INTO.
"""

# ruff: noqa: S608 - names cannot be parameters; all that are put into SQL here are quoted
from __future__ import annotations

from pathlib import Path

from local.snowflake import errors
from local.snowflake.catalog import (
    Table,
    TableName,
    columns_of,
    describe,
    find_table,
    first_row,
    literal,
    new_table_id,
    quote,
    require_schema,
)
from local.snowflake.columns import Column, stored_from_duckdb
from local.snowflake.creating import create_empty
from local.snowflake.session import Session


def seed(session: Session, name: TableName, path: Path, *, null: str | None = None) -> int:
    """Append a file's rows to a table; return how many.

    Args:
        session: to load in.
        name: of the table.
        path: of a `.parquet` or `.csv` file (CSV with a header; column names may differ in case).
        null: the text that stands for NULL in a CSV file, besides an empty field.

    Raises:
        SnowflakeError: no such database or schema; the file does not fit the table.
        ValueError: no such file, or another kind of file.
    """
    if not path.is_file() or path.suffix not in {".parquet", ".csv"}:
        raise ValueError(f"{path}: not a .parquet or .csv file on this machine")
    require_schema(session.connection, name.database, name.schema)
    table = find_table(session.connection, name)
    is_new = table is None
    if table is None:
        now_us = session.engine.clock.now_us()
        table = Table(name=name, id=new_table_id(), is_view=False, created_us=now_us)
    with session.changing(name, only_appends=True, new=table if is_new else None) as noted:
        if is_new:
            _create(session, table, path, null)
        columns = columns_of(session.connection, name)
        source = _reader(path, null, columns)
        row = first_row(
            session.connection, f"INSERT INTO {name.sql} BY NAME SELECT * FROM {source}"
        )
        rows = int(row[0]) if row else 0
        noted.rows += rows + is_new
    return rows


def _create(session: Session, table: Table, path: Path, null: str | None) -> None:
    found = session.connection.sql(f"SELECT * FROM {_reader(path, null, [])}")
    columns = [
        Column(name=name.upper(), type=stored_from_duckdb(str(kind)))
        for name, kind in zip(found.columns, found.types, strict=True)
    ]
    create_empty(session, table, columns)
    describe(session.connection, table, columns)


def _reader(path: Path, null: str | None, columns: list[Column]) -> str:
    """The DuckDB table function that reads a file, with a table's types where there is one."""
    if path.suffix == ".parquet":
        return f"read_parquet({literal(str(path))})"
    nulls = ", ".join(literal(text) for text in {"", null or ""})
    header = path.open(encoding="utf-8").readline().strip().split(",")
    by_name = {column.name.upper(): column for column in columns}
    types = {
        name.strip('"'): by_name[name.strip('"').upper()].type.duckdb
        for name in header
        if name.strip('"').upper() in by_name
    }
    missing = [name for name in header if columns and name.strip('"').upper() not in by_name]
    if missing:
        raise errors.unsupported(f"{path.name}: columns {missing} that the table has not")
    typed = ", ".join(f"{quote(name)}: {literal(kind)}" for name, kind in types.items())
    option = f", types={{{typed}}}" if typed else ""
    return f"read_csv({literal(str(path))}, header=true, nullstr=[{nulls}]{option})"
