"""What docs/csv.md shows is what the files in it really give."""

import re
from pathlib import Path

import pytest

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv import detect, infer, read
from shared.errors import InvalidFileError

ROOT = Path(__file__).parents[3]
SHOWN = re.findall(
    r"^`tests/data/csv/(\w+)\.csv`:\n\n```text\n(.*?)```\n\n[^\n]*\n\n```text\n(.*?)```$",
    (ROOT / "docs" / "csv.md").read_text("utf-8"),
    re.MULTILINE | re.DOTALL,
)


def test_three_files_are_shown():
    assert len(SHOWN) >= 3


@pytest.mark.parametrize(("name", "file", "said"), SHOWN, ids=[name for name, _, _ in SHOWN])
def test_shown_file_gives_what_is_shown(name, file, said):
    content = (ROOT / "tests" / "data" / "csv" / f"{name}.csv").read_bytes()

    assert content.decode().replace("\r\n", "\n") == file
    assert "\n".join(_said(content)) + "\n" == said


def _said(content):
    verdict = detect(content, is_whole=True)
    yield from verdict.evidence
    yield from (f"warning: {warning}" for warning in verdict.warnings)
    names = infer([content], verdict.dialect).schema.names
    schema = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in names))
    try:
        batches = list(read([content], verdict.dialect, schema))
    except InvalidFileError as refusal:
        yield f"refused: {refusal}"
        return
    yield f"accepted: {sum(b.data.num_rows for b in batches)}"
    yield from (f"line {n.line}: {n.rule}: {n.text}" for b in batches for n in b.notes)
    yield from (f"rejected line {r.line}: {r.rule}: {r.reason}" for b in batches for r in b.rejects)
