"""The bad rows of a dropped file, set aside one by one with all that is needed to mend them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import fields
from typing import Self

import pyarrow as pa

from shared import csv
from shared.checks import Flaw
from shared.config.csv_files import CsvFiles
from shared.core import naming
from shared.errors import InvalidFileError
from shared.steps.attempts import Work
from shared.steps.resending import is_of_rejects
from shared.steps.withholding import unquoted, unquoted_flaw, unquoted_note
from shared.storage import ObjectInfo, Writer

_NOTED_RULES = 10
"""A receipt notes so many kinds of things that were read with care."""


class Rejects:
    """Sifts a file: good rows pass, bad ones go to one NDJSON object of the quarantine bucket.

    Each line has the file and its generation, then all of ``csv.Reject``; without the words of the
    file where the table protects columns.
    """

    def __init__(self, work: Work, file: ObjectInfo, *, is_quoting: bool) -> None:
        self._storage = work.services.storage
        self._bucket = work.services.settings.bucket("quarantine")
        self._name = naming.rejects_object(work.run.table, work.run.run_id, work.attempt.id)
        self._table, self._run_id = work.run.table, work.run.run_id
        self._command = f"`sluice quarantine show {work.run.run_id}`"
        self._file = file
        self._is_quoting = is_quoting
        self._stack = ExitStack()
        self._writer: Writer | None = None
        self._first = ""
        self._has_unread_quotes = False
        self._noted: dict[str, tuple[int, str]] = {}
        self._passing: csv.Batch | None = None
        self.rows = 0
        self.rejected = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.__exit__(*exc_info)  # type: ignore[arg-type]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the receipt says about rejected rows, and about rows that were read with care."""
        rows = "row" if self.rejected == 1 else "rows"
        rejected = [f"{self.rejected} rejected {rows}: {self._command}"] if self.rejected else []
        noted = list(self._noted.items())[:_NOTED_RULES]
        return (*rejected, *(f"{rule}: {count}, {first}" for rule, (count, first) in noted))

    def sift(self, batches: Iterator[csv.Batch]) -> Iterator[pa.RecordBatch]:
        """Yield the good rows; write the bad ones aside."""
        for batch in batches:
            self.rows += batch.rows
            for reject in batch.rejects:
                self._keep(reject, reject if self._is_quoting else unquoted(reject))
            for each in batch.notes:
                note = each if self._is_quoting else unquoted_note(each)
                count, first = self._noted.get(note.rule, (0, ""))
                first = first or f"the first in line {note.line}: {note.text}"
                self._noted[note.rule] = (count + 1, first)
            self._passing = batch
            yield batch.data

    def set_aside(self, _: pa.RecordBatch, flaws: Sequence[Flaw]) -> None:
        """Keep rows of the batch that has just passed, which break a check."""
        if self._passing:
            faults = [csv.LateFault(f.row, f.column, f.rule, f.reason) for f in flaws]
            for reject in self._passing.describe(faults):
                self._keep(reject, reject if self._is_quoting else unquoted_flaw(reject))

    def require_few(self, rules: CsvFiles, dialect: csv.Dialect) -> None:
        """Make sure that not too many rows were rejected.

        Rows that were rejected before are bad ones anyway: of a file of them, any good row is a
        gain, so no share is too large but the whole.

        Raises:
            InvalidFileError: more than the table's rules allow; nothing of the file is loaded.
        """
        is_gain = is_of_rejects(self._file.name) and self.rejected < self.rows
        limit = rules.limit_passed(self.rows, self.rejected, is_gain=is_gain)
        if not limit:
            return
        raise InvalidFileError(
            f"{self.rejected} of {self.rows} rows of {self._file.uri} were rejected, more than "
            f"{limit}; nothing was loaded. The first is {self._first}. "
            f"All with their reasons: {self._command}{self._hint(dialect)}",
            rows_rejected=self.rejected,
        )

    def require_trailer(self, rules: CsvFiles, dialect: csv.Dialect) -> None:
        """Make sure that a file ends as the table's rules say, or as its path's contract does.

        Rejected rows that are sent once more are not a whole file, and may end with any row.

        Raises:
            InvalidFileError: its last line is no trailer; nothing of the file is loaded.
        """
        if not dialect.trailer or "trailer" in self._noted or is_of_rejects(self._file.name):
            return
        place = self._file.uri
        if rules.trailer:
            raise InvalidFileError(csv.no_trailer(place, rules.trailer))
        start = f", which starts with {dialect.trailer!r}" if self._is_quoting else ""
        raise InvalidFileError(
            f"{place} does not end with the line that counts its rows, as the file does that froze "
            f"the contract of its path{start}, so it may be cut off. Send it again; if it is "
            f"whole, `sluice contract {self._table} --lift`, then `sluice replay {self._run_id}`"
        )

    def _hint(self, dialect: csv.Dialect) -> str:
        """Return what to think of where rows of another width have quote characters."""
        if dialect.quote is not None or not self._has_unread_quotes:
            return ""
        return (
            '. Rows of the wrong width have a ", but this file is read without quotes, as the '
            "contract of its path or the table file says: `sluice contract` shows it, set quote to "
            "overrule it"
        )

    def _keep(self, reject: csv.Reject, shown: csv.Reject) -> None:
        if self._writer is None:
            stream = self._storage.create(self._bucket, self._name, "application/x-ndjson")
            self._writer = self._stack.enter_context(stream)
            self._first = f"in line {reject.line} ({reject.rule})"
        self.rejected += 1
        self._has_unread_quotes |= reject.rule == "wrong_width" and '"' in reject.raw
        line = {"file": self._file.uri, "generation": self._file.generation, **_facts(shown)}
        self._writer.write((json.dumps(line, ensure_ascii=False) + "\n").encode())


_REJECT_FIELDS = tuple(field.name for field in fields(csv.Reject))


def _facts(reject: csv.Reject) -> dict[str, object]:
    """Return a reject as a dictionary; ``asdict`` copies all, and takes ten times as long."""
    return {name: getattr(reject, name) for name in _REJECT_FIELDS}
