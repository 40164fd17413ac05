"""What is said of a file whose table protects columns: where and by which rule, never its words.

A row that is broken, or read in the wrong way, may have a protected value anywhere: in the cell of
another column, in what was taken for the header, in the reason of a reject. So nothing is quoted.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa

from shared import csv
from shared.checks.values import MASK
from shared.config.tables import TableConfig
from shared.errors import IntegrityError, InvalidFileError

UNQUOTED = "what was found in the file is not quoted, because the table protects columns"
"""Takes the place of evidence and warnings."""

_TOLD = ("line", "rows", "ratio", "missing")
"""Facts of an error that are numbers, or words of the table and not of the file."""


@contextmanager
def quoting_nothing(table: TableConfig) -> Iterator[None]:
    """Let errors of reading a file pass without its words, if the table protects columns.

    Raises:
        InvalidFileError: the same, saying less.
        IntegrityError: Arrow could not go on.
    """
    try:
        yield
    except InvalidFileError as exc:
        if not table.protected:
            raise
        raise _quiet(exc, table.name) from None
    except pa.ArrowException as exc:
        if not table.protected:
            raise
        raise IntegrityError(
            f"a file of {table.name} was read up to an error of Arrow ({type(exc).__name__}), "
            "which is not quoted because the table protects columns",
            table=table.name,
        ) from None


def quietly(batches: Iterable[csv.Batch], table: TableConfig) -> Iterator[csv.Batch]:
    """Yield batches; errors of reading them quote nothing if the table protects columns."""
    with quoting_nothing(table):
        yield from batches


def unquoted(reject: csv.Reject) -> csv.Reject:
    """Return a reject with its place and rule alone; the original file has the rest."""
    return replace(reject, raw=MASK, reason=_reason(reject.rule))


def unquoted_flaw(reject: csv.Reject) -> csv.Reject:
    """Return the reject of a row that breaks a check: the reason is the table file's."""
    return replace(reject, raw=MASK)


def unquoted_note(note: csv.Note) -> csv.Note:
    """Return a note with its place and rule alone."""
    return replace(note, text=MASK)


def _reason(rule: str) -> str:
    return f"{rule}; the row is not quoted, because the table protects columns"


def _quiet(exc: InvalidFileError, table: str) -> InvalidFileError:
    told = {name: fact for name, fact in exc.facts.items() if name in _TOLD and fact}
    said = "".join(f"; {name}: {_words(fact)}" for name, fact in told.items())
    return InvalidFileError(
        f"the file cannot be read as {table}{said}. More is not told, because the message may "
        "quote the file and the table protects columns: `sluice intake FILE`, without --table, "
        "explains a copy of it",
        **told,
    )


def _words(fact: object) -> str:
    return ", ".join(map(str, fact)) if isinstance(fact, list) else str(fact)
