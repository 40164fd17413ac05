"""Every file of the corpus is found out and read exactly as its expectation says."""

import json
from pathlib import Path

import pytest

from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.csv import Dialect, detect, infer, read
from shared.errors import InvalidFileError

CORPUS = Path(__file__).parents[2] / "data" / "csv"
FILES = sorted(path.stem for path in CORPUS.glob("*.json"))
REFUSED = [name for name in FILES if '"refusal"' in (CORPUS / f"{name}.json").read_text("utf-8")]
READ = [name for name in FILES if name not in REFUSED]


def test_the_corpus_is_complete():
    assert sorted(path.stem for path in CORPUS.glob("*.csv")) == FILES
    assert len(READ) > 100
    assert len(REFUSED) > 10


@pytest.mark.parametrize("name", READ)
def test_file_is_read_exactly_or_flagged(name):
    content, expected = _load(name)

    verdict = detect(content, is_whole=True, given=expected.get("settings"))
    found = _read(content, verdict.dialect)

    assert found["columns"] == expected["columns"]
    assert found["rows"] == expected["rows"]
    assert found["rejects"] == expected["rejects"]
    assert found["notes"] == expected["notes"]
    assert found["records"] == len(found["rows"]) + len(found["rejects"])
    assert verdict.dialect.to_dict() | expected["dialect"] == verdict.dialect.to_dict()
    assert len(verdict.warnings) == len(expected["warnings"]), verdict.warnings
    for warning, part in zip(verdict.warnings, expected["warnings"], strict=True):
        assert part in warning


@pytest.mark.parametrize("name", REFUSED)
def test_file_is_refused_with_the_reason(name):
    content, expected = _load(name)

    with pytest.raises(InvalidFileError, match=expected["refusal"]):
        _read(content, detect(content, is_whole=True, given=expected.get("settings")).dialect)


@pytest.mark.parametrize("name", READ)
def test_the_way_a_file_is_cut_into_pieces_changes_nothing(name):
    content, expected = _load(name)
    dialect = detect(content, is_whole=True, given=expected.get("settings")).dialect

    found = _read(content, dialect, piece_bytes=7, block_bytes=16)

    assert found["rows"] == expected["rows"]
    assert found["rejects"] == expected["rejects"]


def _load(name):
    expected = json.loads((CORPUS / f"{name}.json").read_text("utf-8"))
    return (CORPUS / f"{name}.csv").read_bytes(), expected


def _read(content: bytes, dialect: Dialect, *, piece_bytes: int = 2**20, block_bytes: int = 2**20):
    pieces = [content[at : at + piece_bytes] for at in range(0, len(content), piece_bytes)]
    names = infer([content], dialect).schema.names
    schema = TableSchema(tuple(Column(name=n, type=DataType(Kind.TEXT)) for n in names))
    batches = list(read(pieces, dialect, schema, block_bytes=block_bytes))
    return {
        "columns": list(names),
        "rows": [list(row.values()) for batch in batches for row in batch.data.to_pylist()],
        "rejects": [[r.line, r.rule] for batch in batches for r in batch.rejects],
        "notes": [[n.line, n.rule] for batch in batches for n in batch.notes],
        "records": sum(batch.rows for batch in batches),
    }
