"""A table file proposed from a CSV file."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.cli.intake import Reading, Report
from shared.config.models import CsvFiles
from shared.core import naming

app = typer.Typer(name="tables", help="Table files.", no_args_is_help=True)

STATED = {
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

DEFAULTS: dict[str, Any] = {"quote": '"', "skip_lines": 0, "decimal_mark": "."}


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file like those that will be dropped.")],
    name: Annotated[str | None, typer.Option(help="Name of the table; else the file's.")] = None,
) -> None:
    """Propose the entry of config/tables.yaml for files like this one, with the evidence."""
    if not file.is_file():
        raise typer.BadParameter(f"{file} is no file")
    report = Report(file=str(file), size_bytes=file.stat().st_size)
    Reading(file, CsvFiles(), {}, as_text=False, quiet=False).explain(report, None)
    typer.echo("\n".join(_lines(report, _name(name or file.stem))))


def _lines(report: Report, name: str) -> Iterator[str]:
    file = _flat(Path(report.file).name)
    yield f"# {report.rows:,} rows of {file}, {report.rejected:,} of them rejected"
    for text in (*report.evidence, *(f"warning: {warning}" for warning in report.warnings)):
        yield f"# {_flat(text)}"
    yield f"- name: {name}"
    yield "  csv:"
    dialect = report.dialect or {}
    for point, key in STATED.items():
        value = dialect.get(point)
        if point == "quote" and value is None:
            yield '    quote: ""'
        elif value not in (None, "", {}, DEFAULTS.get(point)):
            yield f"    {key}: {json.dumps(value, ensure_ascii=False)}"
    yield "    columns:"
    for column in report.columns:
        written = json.dumps(column["name"], ensure_ascii=False)
        yield f"      {written}: {json.dumps(column['type'])}  # {_flat(column['reason'])}"
    yield f"  postgres: {{table: {name}}}"
    yield "  sync_mode: append"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _name(text: str) -> str:
    """Return the nearest text that may name a table."""
    plain = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")[:63]
    return plain if naming.TABLE_NAME.fullmatch(plain) else f"t_{plain}"[:63]
