"""A file explained without any cloud: how it is written, what its columns are, what is wrong."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from shared import csv
from shared.cli import render
from shared.cli.failures import VERSION, failure
from shared.config import resolve
from shared.config.models import CsvFiles
from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.errors import IntegrityError, InvalidConfigError, InvalidFileError
from shared.stage.arrow import arrow_schema
from shared.steps.dropped_files import HEAD_BYTES, overrides

EXIT_REFUSED = 4
CHUNK_BYTES = 2**20
SHOWN_REJECTS = 20
SHOWN_CHARACTERS = 200
REFUSED_ACTION = (
    "export the file as the message says, or state how it is written: --encoding, --delimiter, "
    "--quote, --header-rows, --skip-lines"
)


@dataclass(slots=True)
class Report:
    """What is known of a file; all of it is in the JSON that ``--json`` prints."""

    file: str
    size_bytes: int
    refusal: str | None = None
    """Why the file as a whole cannot be read; None when it was."""
    error: dict[str, str] | None = None
    """The same as a code, a message and what to do, as every other error has it."""
    dialect: dict[str, Any] | None = None
    confidence: float | None = None
    evidence: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)
    """Name, type and reason of each column."""
    rows: int = 0
    """Records of the file: accepted and rejected."""
    accepted: int = 0
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    """The first so many."""
    notes: list[dict[str, Any]] = field(default_factory=list)
    """What was read without loss but with care: the first of each rule, and how many."""
    out: dict[str, str] = field(default_factory=dict)
    """Where rows were written."""

    def as_data(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"version": VERSION, **asdict(self)}


def intake(
    file: Annotated[
        Path, typer.Argument(help="A CSV file, packed or not; - reads standard input.")
    ],
    table: Annotated[
        str | None, typer.Option(help="Read it as this table's settings in --config say.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for accepted.parquet and rejects.ndjson; made if need be."),
    ] = None,
    config: Annotated[Path, typer.Option(help="Folder with tables.yaml.")] = Path("config"),
    env: Annotated[str, typer.Option(help="Name of the environment file.")] = "local",
    encoding: Annotated[str | None, typer.Option(help="Overrides what is found.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Overrides what is found.")] = None,
    quote: Annotated[str | None, typer.Option(help="Overrides; empty: nothing is quoted.")] = None,
    header_rows: Annotated[int | None, typer.Option(min=0, help="Overrides; 0: no header.")] = None,
    skip_lines: Annotated[int | None, typer.Option(min=0, help="Lines before the header.")] = None,
    *,
    as_text: Annotated[bool, typer.Option(help="Leave all columns text.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Explain a file, and read it as a drop would: dialect, columns, rows accepted and rejected.

    Exits 0 when the file was read, rejected rows included, and 4 when it is refused as a whole.
    """
    stated = _stated(encoding, delimiter, quote, header_rows, skip_lines)
    rules = _rules(table, config, env) if table else CsvFiles()
    with ExitStack() as stack:
        path = _regular(file, stack)
        report = Report(file=str(file), size_bytes=path.stat().st_size)
        reading = Reading(path, rules, stated, as_text=as_text, quiet=as_json)
        try:
            reading.explain(report, out)
        except InvalidFileError as exc:
            report.refusal = exc.message
            report.error = failure("invalid_file", exc.message, REFUSED_ACTION)
        except OSError as exc:
            raise InvalidConfigError(f"{exc.filename or file}: {exc.strerror or exc}") from exc
    if as_json:
        text = json.dumps(report.as_data(), ensure_ascii=False, indent=2)
        typer.echo(text.encode(errors="backslashreplace"))
    else:
        _print(report)
    if report.refusal:
        raise typer.Exit(EXIT_REFUSED)


class Reading:
    """One file on its way through detection, inference and the reader."""

    def __init__(
        self,
        path: Path,
        rules: CsvFiles,
        stated: dict[str, Any],
        *,
        as_text: bool,
        quiet: bool,
    ) -> None:
        self._path = path
        self._rules = rules
        self._stated = stated
        self._as_text = as_text
        self._quiet = quiet

    def explain(self, report: Report, out: Path | None) -> None:
        """Fill the report, and write rows if there is a place for them.

        Raises:
            InvalidFileError: the file as a whole cannot be read.
        """
        if report.size_bytes == 0:
            raise InvalidFileError("the file is empty: 0 bytes, no header")
        head = b""
        for chunk in csv.unpacked(self._chunks()):
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
        given = {**overrides(self._rules), **self._stated}
        is_whole = len(head) < HEAD_BYTES
        found = csv.detect(head[:HEAD_BYTES], is_whole=is_whole, given=given)
        report.dialect, report.confidence = found.dialect.to_dict(), found.confidence
        report.evidence, report.warnings = list(found.evidence), list(found.warnings)
        report.alternatives = list(found.alternatives)
        schema, dialect = self._columns(head[:HEAD_BYTES], found.dialect, report)
        report.dialect = dialect.to_dict()
        self._read(dialect, schema, report, out)

    def _columns(
        self, head: bytes, dialect: csv.Dialect, report: Report
    ) -> tuple[TableSchema, csv.Dialect]:
        types = self._rules.columns
        near: dict[str, csv.Nearly] = {}
        if self._as_text:
            names = csv.Contract.of(head, dialect).columns
            schema = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in names))
            reasons = dict.fromkeys(names, "as asked for")
        else:
            with self._watched("types") as chunks:
                inferred = csv.infer(chunks, dialect)
            schema, dialect = inferred.schema, inferred.dialect
            reasons = {column.name: column.reason for column in inferred.columns}
            near = self._nearly(inferred)
            reasons |= {name: str(found) for name, found in near.items()}
            if types:  # inferred all the same: the whole file says how its dates are written
                schema = TableSchema(
                    tuple(Column(name=n, type=DataType.parse(t)) for n, t in types.items())
                )
                reasons, near = dict.fromkeys(types, "the table file says so"), {}
        report.columns = [
            {
                "name": c.name,
                "type": str(c.type),
                "reason": reasons[c.name],
                "nearly": _as_data(near[c.name]) if c.name in near else None,
            }
            for c in schema
        ]
        return schema, dialect

    def _nearly(self, inferred: csv.Inference) -> dict[str, csv.Nearly]:
        """Look for what keeps columns of text from another type, where there are any."""
        columns = [
            c.name
            for c in inferred.columns
            if c.type.kind is Kind.TEXT and c.reason.startswith("no other type")
        ]
        if not columns:
            return {}
        with self._watched("misfits") as chunks:
            return csv.nearly(chunks, inferred.dialect, columns)

    def _read(
        self, dialect: csv.Dialect, schema: TableSchema, report: Report, out: Path | None
    ) -> None:
        noted: dict[str, dict[str, Any]] = {}
        with Outlet(out, schema) as outlet, self._watched("rows") as chunks:
            for batch in csv.read(chunks, dialect, schema):
                report.rows += batch.rows
                report.accepted += batch.data.num_rows
                report.rejected += len(batch.rejects)
                room = SHOWN_REJECTS - len(report.rejects)
                report.rejects += [asdict(reject) for reject in batch.rejects[:room]]
                for note in batch.notes:
                    first = noted.setdefault(note.rule, {**asdict(note), "count": 0})
                    first["count"] += 1
                outlet.write(batch)
        report.out = outlet.places
        report.notes = list(noted.values())
        if report.accepted + report.rejected != report.rows:
            raise IntegrityError(
                f"{report.accepted} accepted and {report.rejected} rejected rows are not the "
                f"{report.rows} of the file. Please report this file"
            )

    def _chunks(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def _watched(self, what: str) -> "_Watched":
        return _Watched(self._chunks(), self._path.stat().st_size, what, quiet=self._quiet)


class _Watched:
    """Chunks with a progress bar on standard error while they pass."""

    def __init__(self, chunks: Iterator[bytes], size: int, what: str, *, quiet: bool) -> None:
        columns = (TextColumn(what), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        is_off = quiet or not render.errors.is_terminal  # else two blank lines stay
        self._bar = Progress(*columns, console=render.errors, transient=True, disable=is_off)
        self._chunks, self._size = chunks, size

    def __enter__(self) -> Iterator[bytes]:
        self._bar.start()
        return self._passing(self._bar.add_task("", total=self._size))

    def __exit__(self, *exc_info: object) -> None:
        self._bar.stop()

    def _passing(self, task: Any) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._bar.advance(task, len(chunk))
            yield chunk


class Outlet:
    """A folder for accepted and rejected rows, if there is one; files appear when complete."""

    _names = ("accepted.parquet", "rejects.ndjson")

    def __init__(self, folder: Path | None, schema: TableSchema) -> None:
        self._folder = folder
        self._schema = arrow_schema(schema)
        self._stack = ExitStack()
        self._accepted: pq.ParquetWriter | None = None
        self._rejects: BinaryIO | None = None
        self.places: dict[str, str] = {}

    def __enter__(self) -> "Outlet":
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            accepted, rejects = (self._partial(name) for name in self._names)
            writer = pq.ParquetWriter(accepted, self._schema, compression="zstd")
            self._accepted = self._stack.enter_context(writer)
            self._rejects = self._stack.enter_context(rejects.open("wb"))
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        self._stack.close()
        if self._folder is None:
            return
        for what, name in zip(("accepted", "rejects"), self._names, strict=True):
            if kind:
                self._partial(name).unlink(missing_ok=True)
            else:
                self.places[what] = str(self._partial(name).rename(self._folder / name))

    def _partial(self, name: str) -> Path:
        """Return where a file grows until it is complete."""
        return (self._folder or Path()) / f".{name}.partial"

    def write(self, batch: csv.Batch) -> None:
        """Write a batch's rows and rejects."""
        if self._accepted is None or self._rejects is None:
            return
        self._accepted.write_table(pa.Table.from_batches([batch.data]))
        for reject in batch.rejects:
            line = json.dumps(asdict(reject), ensure_ascii=False)
            self._rejects.write(line.encode(errors="backslashreplace") + b"\n")


def _stated(
    encoding: str | None,
    delimiter: str | None,
    quote: str | None,
    header_rows: int | None,
    skip_lines: int | None,
) -> dict[str, Any]:
    given = {
        "encoding": encoding,
        "delimiter": {"\\t": "\t"}.get(delimiter or "", delimiter),
        "header_rows": header_rows,
        "skip_lines": skip_lines,
    }
    stated = {name: value for name, value in given.items() if value is not None}
    return stated if quote is None else {**stated, "quote": quote or None}


def _rules(table: str, config: Path, env: str) -> CsvFiles:
    found = {t.table.name: t.table for t in resolve.load(config, env)}
    if table not in found or found[table].csv is None:
        known = ", ".join(name for name, t in found.items() if t.csv is not None) or "none"
        raise InvalidConfigError(f"{table} is no table of files in {config}; known: {known}")
    return found[table].csv or CsvFiles()


def _regular(path: Path, stack: ExitStack) -> Path:
    """Return a file that can be read more than once: itself, or a copy of a pipe."""
    if path.is_file():
        return path
    if path.is_dir() or not (str(path) == "-" or path.exists()):
        what = "is a folder" if path.is_dir() else "is not there"
        raise typer.BadParameter(f"{path} {what}; name a file")
    copy = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-intake-"))) / "file"
    with copy.open("wb") as file:
        pipe = sys.stdin.buffer if str(path) == "-" else stack.enter_context(path.open("rb"))
        shutil.copyfileobj(pipe, file)
    return copy


def _print(report: Report) -> None:
    say = render.console.print
    if report.evidence:
        say(Panel(escape("\n".join(report.evidence)), title="how it is written", expand=False))
    for warning in report.warnings:
        render.plain(f"warning: {warning}", style="yellow")
    if report.alternatives:
        say("it might also be read with", style="dim")
        for alternative in dict.fromkeys(report.alternatives):
            render.plain(f"  {alternative}", style="dim")
    if report.refusal:
        render.plain(f"refused: {report.refusal}", style="red")
        return
    say(_columns_table(report))
    for note in report.notes:
        text = f"{note['rule']}: {note['count']:,}, the first in line {note['line']}: "
        render.plain(text + note["text"])
    if report.rejects:
        say(_rejects_table(report))
    colour = "green" if not report.rejected else "yellow"
    say(
        f"[{colour}]{report.accepted:,} rows accepted, {report.rejected:,} rejected[/] "
        f"of {report.rows:,}",
        highlight=False,
    )
    for place in report.out.values():
        render.plain(place)


def _as_data(near: csv.Nearly) -> dict[str, Any]:
    return {**asdict(near), "type": str(near.type)}


def _columns_table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("COLUMN", no_wrap=True)
    table.add_column("TYPE", no_wrap=True)
    table.add_column("WHY", overflow="fold")
    for column in report.columns:
        table.add_row(escape(column["name"]), column["type"], escape(column["reason"]))
    return table


def _rejects_table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("LINE", justify="right", no_wrap=True)
    table.add_column("COLUMN", no_wrap=True)
    table.add_column("RULE", no_wrap=True)
    table.add_column("WHY", overflow="fold")
    table.add_column("ROW", overflow="fold")
    for reject in report.rejects:
        raw = reject["raw"][:SHOWN_CHARACTERS]
        cells = map(escape, (reject["column"] or "", reject["rule"], reject["reason"], raw))
        table.add_row(str(reject["line"]), *cells)
    return table
