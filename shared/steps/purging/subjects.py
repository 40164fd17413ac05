"""Which rows are a subject's: typed in parts, as text wherever a row could not be read."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pyarrow as pa

from shared.checks.values import shown
from shared.core import selections
from shared.core.checks import Observed, Sample
from shared.core.manifests import Manifest
from shared.core.purges import Subject
from shared.core.schemas import TableSchema
from shared.csv import Dialect, cells_of
from shared.errors import InvalidMessageError
from shared.stage.matching import matches, rescued_matches

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp1252")
"""In which a value is looked for in a file that nobody could read."""


def in_batch(batch: pa.RecordBatch, subject: Subject) -> list[int]:
    """Return the rows of a batch that are a subject's.

    Raises:
        InvalidMessageError: the value is none of the column's type.
    """
    if subject.column in batch.schema.names:
        return matches(batch, {subject.column: subject.value})
    return rescued_matches(batch, subject.column, subject.value)


def without(batches: Iterable[pa.RecordBatch], subject: Subject) -> Iterator[pa.RecordBatch]:
    """Yield batches without a subject's rows."""
    for batch in batches:
        found = set(in_batch(batch, subject))
        if found:
            others = [row for row in range(batch.num_rows) if row not in found]
            yield batch.take(pa.array(others, pa.int64()))
        else:
            yield batch


class Records:
    """Tells whether records of one file that could not be read as rows are a subject's.

    A record of the right width is, if any of its cells is the value: which column a cell belongs to
    is not certain in a record that was refused. Any other record is, if the value stands in it as a
    whole word.
    """

    def __init__(self, subject: Subject, schema: TableSchema, dialect: Dialect | None) -> None:
        self._subject = subject
        self._width = len(schema)
        self._dialect = dialect
        self._is_json = dialect is not None and dialect.kind in ("ndjson", "parquet")
        known = subject.column in schema.names
        self._type = schema.column(subject.column).type if known else None
        self._wanted = self._canonical(subject.value)
        self._word = re.compile(rf"(?<!\w){re.escape(subject.value)}(?!\w)")

    def has(self, raw: str) -> bool:
        """Say whether a record, as it stands in the file, is the subject's."""
        cells = self._cells(raw)
        if self._is_json and self._word.search(raw):
            return True  # a part of a nested value, or of a line that is no JSON
        if not cells or len(cells) != self._width:
            return any(self._word.search(text) for text in (raw, *cells))
        return any(self._canonical(cell.strip()) == self._wanted for cell in cells)

    def has_facts(self, facts: dict[str, Any]) -> bool:
        """Say whether a line of quarantine is the subject's.

        Of a table's row the column decides; one whose value is masked there is not.
        """
        if facts["file"] is not None:
            return self.has(facts["raw"])
        value = json.loads(facts["raw"]).get(self._subject.column)
        return value is not None and self._canonical(value) == self._wanted

    def _cells(self, raw: str) -> list[str]:
        if self._is_json:
            return _values(raw, self._width)
        return (self._dialect and cells_of(raw, self._dialect, is_certain=True)) or []

    def _canonical(self, text: str) -> str:
        try:
            return selections.canonical(self._type, text) if self._type else text
        except InvalidMessageError:
            return text


def _values(raw: str, width: int) -> list[str]:
    """Return the values of a JSON object, as many cells as a row has; none: it is no object."""
    with suppress(ValueError, RecursionError):
        found = json.loads(raw, parse_float=str, parse_int=str)
        if isinstance(found, dict):
            values = [str(value) for value in found.values()]
            return values + [""] * (width - len(values))
    return []


def in_bytes(chunks: Iterable[bytes], subject: Subject) -> bool:
    """Say whether a subject's value stands anywhere in a file."""
    wanted = list(_spellings(subject.value))
    longest, tail = max((len(each) for each in wanted), default=0), b""
    for chunk in chunks:
        held = tail + chunk
        if any(each in held for each in wanted):
            return True
        tail = held[-longest:]
    return False


def _spellings(text: str) -> Iterator[bytes]:
    """Yield a text's bytes in every encoding that has all its characters."""
    for name in _ENCODINGS:
        with suppress(UnicodeEncodeError):
            yield text.encode(name)


def out_of_sample(sample: Sample, subject: Subject) -> Sample:
    """Return a sample of rows without the subject's."""
    words = (subject.value, shown(subject.value))
    return tuple(row for row in sample if row.get(subject.column) not in words)


def observed_without(observed: Observed | None, subject: Subject) -> Observed | None:
    """Return what was observed, with the subject in no sample."""
    if observed is None:
        return None
    breaches = {
        name: replace(breach, sample=out_of_sample(breach.sample, subject))
        for name, breach in observed.breaches.items()
    }
    return replace(observed, breaches=breaches)


def in_samples(manifest: Manifest, subject: Subject) -> bool:
    """Say whether a manifest shows a subject in the sample of a check."""
    return observed_without(manifest.observed, subject) != manifest.observed
