"""``sluice tables``: a table file proposed from a file like those that will be dropped."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from shared.cli import render
from shared.cli.file_reading import Reading
from shared.cli.file_report import Report
from shared.cli.local_files import stated_kind
from shared.cli.options import AsJson
from shared.cli.showing import show
from shared.config.csv_files import STRANGE_KEYS
from shared.core import naming
from shared.errors import InvalidConfigError

app = typer.Typer(name="tables", help="Tables and their files.", no_args_is_help=True)
app.command("show")(show)

STATED = {
    "kind": "kind",
    "sheet": "sheet",
    "encoding": "encoding",
    "delimiter": "delimiter",
    "quote": "quote",
    "escape": "escape",
    "header_rows": "header_rows",
    "skip_lines": "skip_lines",
    "comment": "comment",
    "trailer": "trailer",
    "decimal_mark": "decimal",
    "thousands_mark": "thousands",
    "formats": "formats",
}
"""Points of a dialect, and what the table file calls them."""

DEFAULTS: dict[str, Any] = {"kind": "csv", "quote": '"', "skip_lines": 0, "decimal_mark": "."}


class _Marks(NamedTuple):
    """The marks of numbers that a table file states."""

    decimal: str
    thousands: str | None
    is_open: bool
    """No column needs the decimal mark that it is."""

    def needed(self, near: dict[str, Any]) -> dict[str, str] | None:
        """Return the keys that a column needs besides; None: others need them otherwise."""
        decimal, thousands = near["decimal"] or self.decimal, near["thousands"]
        needed = {} if decimal == self.decimal else {"decimal": decimal}
        if needed and not self.is_open:
            return None
        if thousands in (None, self.thousands):
            return needed
        is_taken = self.thousands is not None or thousands == decimal
        return None if is_taken else {**needed, "thousands": thousands}


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A file like those that will be dropped.")],
    name: Annotated[str | None, typer.Option(help="Name of the table; else the file's.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Worksheet of a workbook.")] = None,
    config: Annotated[Path, typer.Option(help="Folder with tables.yaml.")] = Path("config"),
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Create the file; never over one that is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Propose config/tables/NAME.yaml for files like this one, with the evidence."""
    if not file.is_file():
        raise typer.BadParameter(f"{file} is no file")
    table = naming.nearest_table_name(name or file.stem)
    place = config / "tables" / f"{table}.yaml"
    lines = (f"# {place}", *proposal(file, table, sheet), *_usual(table))
    text = "".join(f"{line}\n" for line in lines)
    if write:
        _write(place, text)
    if as_json:
        facts = {"table": table, "file": str(place), "written": write, "text": text}
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=2))
    elif write:
        render.plain(f"{place} is written; `sluice validate` checks it")
    else:
        typer.echo(text, nl=False)


def proposal(file: Path, table: str, sheet: str | None) -> Iterator[str]:
    """Yield the lines of a table file for files like this one, but for target and mode."""
    report = Report(file=str(file), size_bytes=file.stat().st_size)
    stated = stated_kind(file, sheet)
    Reading(file, None, stated, as_text=False, quiet=False).explain(report, None)
    yield from _lines(report, table)


def _write(place: Path, text: str) -> None:
    """Create a table file.

    Raises:
        InvalidConfigError: there is one, or the folder cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise InvalidConfigError(f"{place} is there already; choose another --name") from exc
    except OSError as exc:
        raise InvalidConfigError(f"{place} cannot be written: {exc.strerror}") from exc


def _lines(report: Report, name: str) -> Iterator[str]:
    file = _flat(Path(report.file).name)
    yield f"# {report.rows:,} rows of {file}, {report.rejected:,} of them rejected"
    for text in (*report.evidence, *(f"warning: {warning}" for warning in report.warnings)):
        yield f"# {_flat(text)}"
    yield f"name: {name}"
    yield "csv:"
    marks = _marks(report)
    stated = {"decimal_mark": marks.decimal, "thousands_mark": marks.thousands}
    yield from _dialect_lines({**(report.dialect or {}), **stated})
    yield "  columns:"
    for column in report.columns:
        yield from _column_lines(column, marks)


def _usual(name: str) -> Iterator[str]:
    """Yield the target and the mode that most tables of files have."""
    yield f"postgres: {{table: {name}}}"
    yield "sync_mode: append"


def _dialect_lines(dialect: dict[str, Any]) -> Iterator[str]:
    strange = STRANGE_KEYS[dialect["kind"]]
    for point, key in STATED.items():
        value = dialect[point]
        if key in strange:
            continue
        if point == "quote" and value is None:
            yield '  quote: ""'
        elif value not in (None, "", {}, DEFAULTS.get(point)):
            yield f"  {key}: {json.dumps(value, ensure_ascii=False)}"


def _column_lines(column: dict[str, Any], marks: _Marks) -> Iterator[str]:
    """Yield a column with its type; what would reject rows is only a comment."""
    written, near = json.dumps(column["name"], ensure_ascii=False), column["nearly"]
    needed = marks.needed(near) if near else {}
    data_type = near["type"] if near and needed == {} and not near["misfits"] else column["type"]
    yield f"    {written}: {json.dumps(data_type)}  # {_flat(column['reason'])}"
    if near and near["misfits"] and needed is not None:
        keys = {"formats": f"{{{written}: {near['pattern']!r}}}"} if near["pattern"] else {}
        keys |= {key: json.dumps(mark) for key, mark in needed.items()}
        settings = f", with {', '.join(f'{k}: {v}' for k, v in keys.items())}" if keys else ""
        rejects = f"rejects {near['misfits']:,} row{'s' if near['misfits'] > 1 else ''}"
        yield f"    # proposal: {written}: {json.dumps(near['type'])}{settings} {rejects}"


def _marks(report: Report) -> _Marks:
    """Return the marks of numbers that the file has, or its columns agree on."""
    dialect = report.dialect or {}
    is_open = not any(map(_has_fractions, report.columns))
    near = [n for column in report.columns if (n := column["nearly"]) and not n["misfits"]]
    near = [n for n in near if is_open or not n["decimal"]]
    decimals = {n["decimal"] for n in near if n["decimal"]}
    thousands = {n["thousands"] for n in near if n["thousands"]}
    return _Marks(
        decimals.pop() if len(decimals) == 1 else dialect.get("decimal_mark", "."),
        dialect.get("thousands_mark") or (thousands.pop() if len(thousands) == 1 else None),
        is_open=is_open and not decimals,
    )


def _has_fractions(column: dict[str, Any]) -> bool:
    """Say whether a column is read by the decimal mark of the file."""
    near = column["nearly"]
    types = (column["type"], near["type"] if near and not near["decimal"] else "")
    return any(each.startswith(("decimal", "float")) for each in types)


def _flat(text: str) -> str:
    return " ".join(text.split())
