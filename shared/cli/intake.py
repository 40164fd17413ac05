"""A file explained without any cloud: how it is written, what its columns are, what is wrong."""

import json
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.cli.exits import Exit
from shared.cli.failures import failure
from shared.cli.file_reading import Reading
from shared.cli.file_report import Report, show
from shared.cli.local_files import kind_by_name, require_sense
from shared.config import resolve
from shared.config.csv_files import CsvFiles
from shared.config.tables import TableConfig
from shared.errors import InvalidConfigError, InvalidFileError

REFUSED_ACTION = (
    "export the file as the message says, or state how it is written: --encoding, --delimiter, "
    "--quote, --header-rows, --skip-lines"
)


def intake(
    file: Annotated[Path, typer.Argument(help="A file, packed or not; - reads standard input.")],
    table: Annotated[
        str | None, typer.Option(help="Read it as this table's settings in --config say.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for accepted.parquet and rejects.ndjson; made if need be."),
    ] = None,
    config: Annotated[Path, typer.Option(help="Folder with tables.yaml.")] = Path("config"),
    env: Annotated[str, typer.Option(help="Name of the environment file.")] = "local",
    kind: Annotated[
        str | None,
        typer.Option(help="csv, excel, ndjson or parquet; absent: by the file name's ending."),
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Worksheet of a workbook.")] = None,
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

    Of a table that protects columns nothing of the file is quoted, and --out has what takes the
    protection key as ***.

    Exits 0 when the file was read, rejected rows included, and 4 when it is refused as a whole.
    """
    stated = _stated(encoding, delimiter, quote, header_rows, skip_lines)
    if sheet:
        stated["sheet"] = sheet
    known = _table(table, config, env) if table else None
    if found := kind or ("" if known else kind_by_name(file)):
        stated["kind"] = found
    _require_sense(stated, known.csv if known else None)
    with ExitStack() as stack:
        path = _regular(file, stack)
        report = Report(file=str(file), size_bytes=path.stat().st_size)
        reading = Reading(path, known, stated, as_text=as_text, quiet=as_json)
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
        show(report)
    if report.refusal:
        raise typer.Exit(Exit.REFUSED)


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


def _require_sense(stated: dict[str, Any], rules: CsvFiles | None) -> None:
    """Make sure that options do not contradict the kind of the file, which would ignore them.

    Raises:
        InvalidConfigError: they do.
    """
    kind = stated.get("kind") or (rules.kind if rules else "csv")
    if kind == "fixed" and not (rules and rules.positions):
        raise InvalidConfigError(
            "fixed width needs positions, which only a table file states: name it with --table"
        )
    require_sense(stated, kind)


def _table(table: str, config: Path, env: str) -> TableConfig:
    found = {t.table.name: t.table for t in resolve.load(config, env)}
    if table not in found or not found[table].is_of_files:
        known = ", ".join(name for name, t in found.items() if t.is_of_files) or "none"
        raise InvalidConfigError(f"{table} is no table of files in {config}; known: {known}")
    return found[table]


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
