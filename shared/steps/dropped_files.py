"""How a dropped file is to be read: by its table's settings, its path's contract, and itself."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from shared import csv
from shared.config.csv_files import CsvFiles, span
from shared.config.tables import ResolvedTable
from shared.contracts import FrozenContract
from shared.core import drift
from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv.contracts import Head
from shared.errors import InvalidFileError, RetryableError
from shared.steps import protections
from shared.steps.attempts import Work
from shared.steps.resending import is_of_rejects
from shared.steps.stored_files import StoredFile
from shared.steps.withholding import UNQUOTED, quoting_nothing
from shared.storage import ObjectInfo

_TEMPORAL = frozenset({Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})


class DroppedFile:
    """One generation of one object in the landing bucket."""

    def __init__(
        self,
        work: Work,
        resolved: ResolvedTable,
        info: ObjectInfo,
        config_generation: int,
        stored: ObjectInfo,
    ) -> None:
        """Take an object, and its table's configuration with the generation of that.

        ``stored`` has the bytes: the object itself, or its original in the raw bucket.
        """
        self._work = work
        self._services = work.services
        self._resolved = resolved
        self._rules = resolved.table.csv or CsvFiles()
        self.info = info
        self.config_generation = config_generation
        self.content = StoredFile(work.services.storage, stored)
        """Its bytes: in order, or at any place.

        Raises:
            FileNotFoundError: the generation is gone.
        """
        self.place = info.uri
        self.is_packed = False
        """Known once ``reading`` was decided."""

    def reading(self) -> "Reading":
        """Decide how the file is read.

        Raises:
            InvalidFileError: it is no file of the table's kind, or the path's contract is another.
        """
        if self.info.size_bytes == 0:
            raise InvalidFileError(f"{self.place} is empty: 0 bytes, no header")
        table = self._resolved.table
        with quoting_nothing(table):
            start = csv.beginning(self.content, worksheet(self._rules))
            self.is_packed, head = start.is_packed, start.head
            found = csv.detect(head, is_whole=start.is_whole, given=self._given())
            found = replace(found, evidence=(*start.evidence, *found.evidence))
            looked_at = self.content if found.dialect.kind == "parquet" else head
        frozen = self._frozen()
        if frozen is None:
            with quoting_nothing(table):
                return self._by_itself(looked_at, found)
        dialect, is_quoting = frozen.contract.dialect, not table.protected
        if self._is_of_parquet:
            dialect, reasons = found.dialect, []
        else:
            with quoting_nothing(table):
                reasons = csv.differences(frozen.contract, looked_at, found, is_quoting=is_quoting)
        if reasons:
            raise self._differs(frozen, reasons)
        with quoting_nothing(table):
            schema, dialect = self._schema(looked_at, dialect, is_frozen=True)
        return Reading(dialect=dialect, schema=schema, contract=frozen.contract)

    def freeze(self, reading: "Reading") -> None:
        """Make the way in which the file was read the contract of its path.

        Raises:
            RetryableError: another file was faster; this one must be read by its contract.
        """
        info, run = self.info, self._work.run
        frozen = self._services.contracts.freeze(
            FrozenContract(
                table=run.table,
                contract=reading.contract,
                file=info.place,
                run_id=run.run_id,
                frozen_at=self._services.now(),
                config_generation=self.config_generation,
                stated=self._rules.stated,
            )
        )
        if not frozen.contract.agrees_with(reading.contract):
            raise RetryableError(
                f"{frozen.file} froze the contract of {run.table} while {self.place} was read; it "
                "is read again by that contract"
            )

    @property
    def _is_of_parquet(self) -> bool:
        """Whether these are rows that were rejected of a Parquet file: NDJSON of its columns."""
        return self._rules.kind == "parquet" and is_of_rejects(self.info.name)

    def _given(self) -> dict[str, Any]:
        """Return what is stated of the file's dialect."""
        kind = {"kind": "ndjson"} if self._is_of_parquet else {}
        return overrides(self._rules) | kind

    def _frozen(self) -> FrozenContract | None:
        frozen = self._services.contracts.find(self._work.run.table)
        is_in_force = frozen and frozen.holds_for(self._rules.stated, self.config_generation)
        return frozen if is_in_force else None

    def _by_itself(self, head: Head, found: csv.Detected) -> "Reading":
        schema, dialect = self._schema(head, found.dialect, is_frozen=False)
        contract = csv.Contract.of(head, dialect)
        if self._is_of_parquet:
            columns = tuple(schema.names)
            contract = csv.Contract(dialect=replace(dialect, kind="parquet"), columns=columns)
        elif not contract.columns:
            contract = replace(contract, columns=tuple(schema.names))
        if self._resolved.table.protected:
            return Reading(dialect=dialect, schema=schema, contract=contract, evidence=(UNQUOTED,))
        return Reading(
            dialect=dialect,
            schema=schema,
            contract=contract,
            warnings=tuple(f"warning: {text}" for text in found.warnings),
            evidence=found.evidence,
        )

    def _schema(
        self, head: Head, dialect: csv.Dialect, *, is_frozen: bool
    ) -> tuple[TableSchema, csv.Dialect]:
        """Types from the table file, else from the table as it is, else from the whole file.

        The whole file is also asked how it writes dates, unless the contract or its head says.
        """
        table = self._resolved.table
        key = tuple(table.primary_key or ())
        known = self._known_columns(key, head, dialect)
        if known and (is_frozen or not _asks_for_formats(known, dialect, head)):
            return known, dialect
        inferred = csv.infer(self.content, dialect, needs_columns=known is None)
        columns = protections.in_files(inferred.schema.columns, table)
        return known or TableSchema(columns, key), inferred.dialect

    def _known_columns(
        self, key: tuple[str, ...], head: Head, dialect: csv.Dialect
    ) -> TableSchema | None:
        if self._rules.columns:
            types = self._rules.columns.items()
            return TableSchema(
                tuple(Column(name=name, type=DataType.parse(text)) for name, text in types), key
            )
        with closing(self._services.target(self._resolved)) as target:
            existing = target.schema()
        if existing is None:
            return None
        columns = tuple(c for c in existing.columns if c.name != drift.RESCUED)
        if table := self._resolved.table if self._resolved.table.protected else None:
            names = csv.Contract.of(head, dialect).columns
            columns = protections.in_files(columns, table, names=names)
        return TableSchema(columns, key or existing.primary_key)

    def _differs(self, frozen: FrozenContract, reasons: list[str]) -> InvalidFileError:
        mend = f"`sluice contract {frozen.table} --lift`"
        if self._rules.delimiter and any(reason.startswith("delimiter ") for reason in reasons):
            mend = f"change csv.delimiter of {frozen.table}, which states it, and deploy that"
        return InvalidFileError(
            f"{self.place} is not written like the files before it: {'; '.join(reasons)}. The "
            f"contract was frozen by {frozen.file}. Send it as they were; if the change is meant, "
            f"{mend}, then `sluice replay {self._work.run.run_id}`",
            differences=reasons,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a file is read: its dialect, its columns, and what its path's contract is or will be.

    ``warnings`` and ``evidence`` say how that was found, if the file decides it.
    """

    dialect: csv.Dialect
    schema: TableSchema
    contract: csv.Contract
    warnings: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class Hashed:
    """Chunks as they pass, hashed and counted."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._sha256.update(chunk)
            self.size_bytes += len(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        """Hash of what has passed."""
        return self._sha256.hexdigest()


def worksheet(rules: CsvFiles) -> csv.Worksheet | None:
    """Return what is read of workbooks; None: the table takes none."""
    return csv.Worksheet(rules.sheet) if rules.kind == "excel" else None


def overrides(rules: CsvFiles) -> dict[str, Any]:
    """Return the points of the dialect that the table file states."""
    given: dict[str, Any] = {
        "encoding": rules.encoding,
        "delimiter": rules.delimiter,
        "header_rows": rules.header_rows,
        "skip_lines": rules.skip_lines,
        "comment": rules.comment,
        "trailer": rules.trailer,
        "decimal_mark": rules.decimal,
        "thousands_mark": rules.thousands,
        "time_zone": rules.time_zone,
        "sheet": rules.sheet,
    }
    stated = {name: value for name, value in given.items() if value is not None}
    for name, mark in (("quote", rules.quote), ("escape", rules.escape)):
        if mark is not None:
            stated[name] = mark or None
    if rules.kind != "csv":
        stated["kind"] = rules.kind
    if rules.positions:
        stated["positions"] = tuple((n, *span(text)) for n, text in rules.positions.items())
    if rules.formats:
        stated["formats"] = tuple(rules.formats.items())
    if rules.null != [""]:
        stated["null_markers"] = tuple(rules.null)
    return stated


def _asks_for_formats(schema: TableSchema, dialect: csv.Dialect, head: Head) -> bool:
    """Say whether it takes the whole file to know how dates are written.

    A column whose first rows are ISO 8601 has no other pattern, whatever follows.
    """
    if not isinstance(head, bytes):
        return False  # dates are no texts there, or have a stated pattern
    open_columns = {
        c.name for c in schema if c.type.kind in _TEMPORAL and not dialect.format_of(c.name)
    }
    if not open_columns:
        return False
    try:
        seen = csv.infer([head[: head.rfind(b"\n") + 1] or head], dialect)
    except InvalidFileError:
        return True
    iso = {
        c.name
        for c in seen.columns
        if c.type.kind in _TEMPORAL and not seen.dialect.format_of(c.name)
    }
    return not open_columns <= iso
