"""The files that are moved: seeded, so that every machine makes the same bytes."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

SEED = 16
"""Keeps the hashes of one row's columns apart: there are fewer columns than this."""

_WORDS = (
    "['alpha', 'bravo', 'charlie', 'delta', 'echo', 'foxtrot', 'golf', 'hotel', 'india', 'juliet', "
    "'kilo', 'lima', 'mike', 'november', 'oscar', 'papa', 'quebec', 'romeo', 'sierra', 'tango']"
)

COLUMNS = """
    id bigint, customer bigint, name text, email text, amount numeric(12, 2), quantity bigint,
    ratio double precision, created_at timestamp, day date, note text
"""
"""The table in PostgreSQL that the files are for."""


@dataclass(frozen=True, slots=True)
class File:
    """A file and what it holds."""

    path: Path
    rows: int
    bad_rows: int = 0

    @property
    def mb(self) -> float:
        """Size in megabytes of 10^6 bytes."""
        return self.path.stat().st_size / 1e6


def clean(folder: Path, rows: int) -> File:
    """Make a plain file of ten columns, about 145 bytes a row."""
    path = folder / f"orders-{rows}.csv"
    if not path.exists():
        _copy(_orders(rows), path, "HEADER")
    return File(path, rows)


def with_bad_rows(folder: Path, rows: int) -> File:
    """Make the same file with a date in each hundredth row that is none."""
    path = folder / f"orders-{rows}-bad.csv"
    if not path.exists():
        changed = "CASE WHEN id % 100 = 7 THEN 'soon' ELSE day::VARCHAR END AS day"
        _copy(f"SELECT * REPLACE ({changed}) FROM ({_orders(rows)})", path, "HEADER")  # noqa: S608
    return File(path, rows, rows // 100)


def in_utf16(folder: Path, rows: int) -> File:
    """Make the same file as spreadsheets write Unicode."""
    path = folder / f"orders-{rows}-utf16.csv"
    if not path.exists():
        with clean(folder, rows).path.open("rb") as plain, path.open("wb") as file:
            file.write(b"\xff\xfe")
            for line in plain:
                file.write(line.decode().encode("utf-16-le"))
    return File(path, rows)


def with_long_delimiter(folder: Path, rows: int) -> File:
    """Make the same file with a delimiter of three characters."""
    path = folder / f"orders-{rows}-long.csv"
    if not path.exists():
        text = clean(folder, rows).path.read_bytes().replace(b",", b"|~|")
        path.write_bytes(text)
    return File(path, rows)


def _copy(query: str, path: Path, options: str) -> None:
    unfinished = path.with_suffix(".part")
    duckdb.sql(f"COPY ({query}) TO '{unfinished}' (FORMAT csv, {options})")
    unfinished.rename(path)


def _orders(rows: int) -> str:
    def number(column: int, below: int) -> str:
        return f"(hash(i * {SEED} + {column}) % {below})::BIGINT"

    def word(column: int) -> str:
        return f"{_WORDS}[1 + {number(column, 20)}]"

    note = ", ".join(word(column) for column in range(10, 16))
    return f"""
        SELECT i AS id, 1000000000 + {number(1, 9_000_000_000)} AS customer,
            {word(2)} || ' ' || {word(3)} AS name,
            {word(4)} || '.' || {word(5)} || '@example.com' AS email,
            ({number(6, 10_000_000)} / 100.0)::DECIMAL(12, 2) AS amount,
            {number(7, 1000)} AS quantity, round({number(8, 1_000_000)} / 1000000.0, 6) AS ratio,
            TIMESTAMP '2024-01-01' + to_seconds({number(9, 60_000_000)}) AS created_at,
            DATE '2020-01-01' + ({number(0, 2000)})::INT AS day,
            concat_ws(' ', {note}) AS note
        FROM range({rows}) t(i) ORDER BY i
    """  # noqa: S608 - numbers of our own
