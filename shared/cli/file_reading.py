"""One file on its way through detection, inference and the reader, as a drop takes it."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from shared import csv
from shared.cli.file_outlet import Outlet
from shared.cli.file_report import SHOWN_REJECTS, Report
from shared.cli.local_files import WatchedFile, detected
from shared.config.csv_files import CsvFiles
from shared.config.tables import TableConfig
from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.errors import IntegrityError, InvalidFileError
from shared.stage.protecting import Protector, WithoutKeys
from shared.steps import protections
from shared.steps.dropped_files import overrides
from shared.steps.withholding import UNQUOTED, quoting_nothing, unquoted, unquoted_note


class Reading:
    """One file on its way through detection, inference and the reader."""

    def __init__(
        self,
        path: Path,
        table: TableConfig | None,
        stated: dict[str, Any],
        *,
        as_text: bool,
        quiet: bool,
    ) -> None:
        self._path = path
        self._rules = (table.csv if table else None) or CsvFiles()
        self._protecting = table if table and table.protected else None
        self._stated = stated
        self._as_text = as_text
        self._quiet = quiet

    def explain(self, report: Report, out: Path | None) -> None:
        """Fill the report, and write rows if there is a place for them.

        Raises:
            InvalidFileError: the file as a whole cannot be read.
        """
        with quoting_nothing(self._protecting) if self._protecting else nullcontext():
            self._explain(report, out)

    def _explain(self, report: Report, out: Path | None) -> None:
        if report.size_bytes == 0:
            raise InvalidFileError("the file is empty: 0 bytes, no header")
        given = {**overrides(self._rules), **self._stated}
        start, found = detected(self._path, given)
        report.dialect, report.confidence = found.dialect.to_dict(), found.confidence
        if self._protecting:
            report.evidence = [UNQUOTED]
        else:
            report.evidence = [*start.evidence, *found.evidence]
            report.warnings = list(found.warnings)
            report.alternatives = list(found.alternatives)
        schema, dialect = self._columns(start.head, found.dialect, report)
        report.dialect = dialect.to_dict()
        self._read(dialect, schema, report, out)

    def _columns(
        self, head: bytes, dialect: csv.Dialect, report: Report
    ) -> tuple[TableSchema, csv.Dialect]:
        types = self._rules.columns
        near: dict[str, csv.Nearly] = {}
        if self._as_text:
            names = self._names(head, dialect)
            schema = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in names))
            reasons = dict.fromkeys(names, "as asked for")
        else:
            with self._watched("types") as chunks:
                inferred = csv.infer(chunks, dialect, needs_columns=not types)
            schema, dialect = inferred.schema, inferred.dialect
            reasons = {column.name: column.reason for column in inferred.columns}
            near = self._nearly(inferred)
            reasons |= {name: str(found) for name, found in near.items()}
            if types:  # inferred all the same: the whole file says how its dates are written
                schema = TableSchema(
                    tuple(Column(name=n, type=DataType.parse(t)) for n, t in types.items())
                )
                reasons, near = dict.fromkeys(types, "the table file says so"), {}
        if self._protecting:
            columns = protections.in_files(schema.columns, self._protecting)
            schema, near = TableSchema(schema.columns if types else columns), {}
            rules = self._protecting.protected.items()
            reasons |= {name: f"protected: {rule}" for name, rule in rules}
        report.columns = [
            {
                "name": c.name,
                "type": str(c.type),
                "reason": reasons[c.name],
                "nearly": _as_data(near[c.name]) if c.name in near else None,
            }
            for c in (self._protector.schema(schema) if self._protecting else schema)
        ]
        return schema, dialect

    def _names(self, head: bytes, dialect: csv.Dialect) -> Sequence[str]:
        """Return the names of all columns; those of NDJSON may turn up anywhere in the file."""
        if dialect.kind not in ("ndjson", "parquet"):
            return csv.Contract.of(head, dialect).columns
        with self._watched("columns") as chunks:
            return csv.infer(chunks, dialect).schema.names

    def _nearly(self, inferred: csv.Inference) -> dict[str, csv.Nearly]:
        """Look for what keeps columns of text from another type, where there are any."""
        columns = [c.name for c in inferred.columns if c.text_from_row is not None]
        if not columns or self._protecting or inferred.dialect.kind in ("ndjson", "parquet"):
            return {}
        with self._watched("misfits") as chunks:
            return csv.nearly(chunks, inferred.dialect, columns)

    def _read(
        self, dialect: csv.Dialect, schema: TableSchema, report: Report, out: Path | None
    ) -> None:
        noted: dict[str, dict[str, Any]] = {}
        staged = self._protector.schema(schema)
        with Outlet(out, staged) as outlet, self._watched("rows") as chunks:
            for batch in self._shown(csv.read(chunks, dialect, schema), schema):
                report.rows += batch.rows
                report.accepted += batch.data.num_rows
                report.rejected += len(batch.rejects)
                room = SHOWN_REJECTS - len(report.rejects)
                report.rejects += [asdict(reject) for reject in batch.rejects[:room]]
                for note in batch.notes:
                    first = noted.setdefault(note.rule, {**asdict(note), "count": 0})
                    first["count"] += 1
                outlet.write(batch)
            if self._rules.trailer and "trailer" not in noted:
                raise InvalidFileError(csv.no_trailer(report.file, self._rules.trailer))
        report.limit_passed = self._rules.limit_passed(report.rows, report.rejected)
        report.out = outlet.places
        report.notes = list(noted.values())
        if report.accepted + report.rejected != report.rows:
            raise IntegrityError(
                f"{report.accepted} accepted and {report.rejected} rejected rows are not the "
                f"{report.rows} of the file. Please report this file"
            )

    @property
    def _protector(self) -> Protector:
        """Hashes and tokens take a key, which is in the cloud."""
        return Protector(self._protecting.protected if self._protecting else {}, WithoutKeys())

    def _shown(self, batches: Iterator[csv.Batch], schema: TableSchema) -> Iterator[csv.Batch]:
        """Yield batches as they may be shown."""
        if not self._protecting:
            yield from batches
            return
        for batch in batches:
            (data,) = self._protector.passing([batch.data], schema)
            rejects, notes = map(unquoted, batch.rejects), map(unquoted_note, batch.notes)
            yield replace(batch, data=data, rejects=tuple(rejects), notes=tuple(notes))

    def _watched(self, what: str) -> WatchedFile:
        return WatchedFile(self._path, what, quiet=self._quiet)


def _as_data(near: csv.Nearly) -> dict[str, Any]:
    return {**asdict(near), "type": str(near.type)}
