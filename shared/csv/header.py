"""From the header of a file to columns, and from those to the columns of a table."""

from collections.abc import Iterable, Mapping, Sequence

from shared.core.schemas import TableSchema
from shared.errors import InvalidFileError

_DELIMITERS = (",", ";", "\t", "|")
_BLANKS = " \t\r\n\xa0\ufeff\u200b"


def column_names(rows: Sequence[Sequence[str]]) -> list[str]:
    """Name columns by the header's rows, one below the other.

    Blanks around a name do not count; a nameless column is named by its place, and a name that was
    there before gets a number.
    """
    width = max(len(row) for row in rows)
    names = []
    for place in range(width):
        parts = dict.fromkeys(_tidy(row[place]) for row in rows if place < len(row))
        names.append("_".join(p for p in parts if p) or f"column_{place + 1}")
    return _distinct(names)


def positions(names: Sequence[str], schema: TableSchema, delimiter: str = "") -> list[int]:
    """Return, for each column of the table, its place in the file.

    Names are compared exactly first, then without case. ``delimiter`` is what parted them.

    Raises:
        InvalidFileError: the file lacks columns, or has some that the table has not.
    """
    free = list(range(len(names)))
    chosen: dict[str, int] = {}
    for fold in (str, str.casefold):
        for column in schema.names:
            same = [p for p in free if fold(names[p]) == fold(column)]
            if column not in chosen and len(same) == 1:
                chosen[column] = same[0]
                free.remove(same[0])
    if free or len(chosen) < len(schema):
        if other := other_delimiter(names, schema.names, delimiter) if delimiter else "":
            raise InvalidFileError(
                f"the file looks delimited by {other!r}, and is read with {delimiter!r}, as the "
                "table file or the contract of its path says. Send it as before, or, if the change "
                "is meant, change csv.delimiter where it is stated"
            )
        raise _differs(names, [names[p] for p in free], schema, chosen)
    return [chosen[name] for name in schema.names]


def other_delimiter(names: Sequence[str], wanted: Iterable[str], delimiter: str) -> str:
    """Return the usual delimiter that parts a header into more columns that are wanted; or ""."""
    header, known = delimiter.join(names), {name.casefold() for name in wanted}

    def count(parts: Iterable[str]) -> int:
        return len(known.intersection(_tidy(part).strip('"').casefold() for part in parts))

    found = {mark: count(header.split(mark)) for mark in _DELIMITERS if mark != delimiter}
    best = max(found, key=lambda mark: found[mark])
    return best if found[best] > max(count(names), 1) else ""


def _differs(
    names: Sequence[str], extra: Sequence[str], schema: TableSchema, chosen: Mapping[str, int]
) -> InvalidFileError:
    missing = [name for name in schema.names if name not in chosen]
    return InvalidFileError(
        f"the file's columns are {', '.join(names)}; the table's are {', '.join(schema.names)}. "
        f"Missing in the file: {', '.join(missing) or 'none'}; not in the table: "
        f"{', '.join(extra) or 'none'}. Send a file with the table's columns, or change the table",
        missing=missing,
        extra=list(extra),
    )


def _tidy(name: str) -> str:
    return " ".join(name.strip(_BLANKS).split())


def _distinct(names: Sequence[str]) -> list[str]:
    taken: set[str] = set()
    distinct = []
    for name in names:
        free, number = name, 1
        while free.casefold() in taken:
            number += 1
            free = f"{name}_{number}"
        taken.add(free.casefold())
        distinct.append(free)
    return distinct
