"""A record as it stands in a file, cell by cell: what can be told of one that was rejected."""

import csv

from shared.csv.dialect import Dialect


def cells_of(raw: str, dialect: Dialect, *, is_certain: bool = False) -> list[str] | None:
    """Return the texts of a record's cells; None where it cannot be parted.

    Args:
        raw: the record, without its line end.
        dialect: how its file is written.
        is_certain: part it only where no cell can be cut in two, as one in quotes is that has a
            delimiter of several characters inside.
    """
    if dialect.kind == "fixed":
        return [raw[start - 1 : end].rstrip(" ") for _, start, end in dialect.positions]
    if dialect.kind not in ("csv", "excel"):
        return None
    if len(dialect.delimiter) != 1:
        if is_certain:
            return None
        return raw.split(dialect.delimiter) if dialect.delimiter else [raw]
    if dialect.quote is None and dialect.escape is None:
        return raw.split(dialect.delimiter)
    try:
        (row,) = csv.reader(
            [raw],
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            escapechar=dialect.escape,
            quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
        )
    except (csv.Error, ValueError, TypeError):
        return None  # a carriage return in a cell, or one of more than 128 KiB
    return row
