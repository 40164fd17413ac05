"""``sluice intake``: files explained and read without any cloud."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from shared.errors import InvalidConfigError
from tests.workbooks import workbook

CORPUS = Path(__file__).parents[2] / "data" / "csv"
MESSY = b"id;name;amount\n1;a;1,5\n2;b;2,5\n3;c\n4;d;4,5\n"


def intake(*arguments: str, stdin: bytes | None = None) -> tuple[int, Any]:
    """Run the command; return its exit code and its JSON."""
    result = CliRunner().invoke(app, ["intake", *arguments, "--json"], input=stdin)
    return result.exit_code, json.loads(result.stdout) if result.stdout else None


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    path = tmp_path / "messy.csv"
    path.write_bytes(MESSY)
    return path


def test_file_is_explained_with_evidence_types_and_rejects(messy: Path) -> None:
    code, report = intake(str(messy))

    assert code == 0
    assert (report["version"], report["refusal"], report["size_bytes"]) == (1, None, len(MESSY))
    assert report["dialect"]["delimiter"] == ";"
    assert any(line.startswith("delimiter ';'") for line in report["evidence"])
    assert [(c["name"], c["type"]) for c in report["columns"]] == [
        ("id", "int64"),
        ("name", "text"),
        ("amount", "decimal(2,1)"),
    ]
    assert (report["rows"], report["accepted"], report["rejected"]) == (4, 3, 1)
    (reject,) = report["rejects"]
    assert (reject["line"], reject["rule"], reject["raw"]) == (4, "wrong_width", "3;c")


def test_rows_are_written_where_asked(messy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    code, report = intake(str(messy), "--out", str(out), "--as-text")

    assert code == 0
    accepted = pq.read_table(out / "accepted.parquet")
    assert accepted.to_pydict() == {
        "id": ["1", "2", "4"],
        "name": ["a", "b", "d"],
        "amount": ["1,5", "2,5", "4,5"],
    }
    rejects = [json.loads(line) for line in (out / "rejects.ndjson").read_text().splitlines()]
    assert [r["line"] for r in rejects] == [4]
    assert report["out"]["accepted"] == str(out / "accepted.parquet")


def test_what_a_drop_would_be_quarantined_for_is_told(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    rows = "".join(f"{i},1{',2' if i % 2 else ''}\n" for i in range(60))
    file.write_text(f"id,n\n{rows}")

    shown = CliRunner().invoke(app, ["intake", str(file)])

    assert shown.exit_code == 0
    assert "30 rows accepted, 30 rejected of 60" in shown.stdout
    assert "10 more rejected rows are not shown" in shown.stdout
    assert "quarantined as a whole: more than max_reject_percent 10" in shown.stdout


def test_file_without_rejects_leaves_an_empty_list_of_them(tmp_path: Path) -> None:
    code, _ = intake("-", "--out", str(tmp_path), stdin=b"a,b\n1,2\n")

    assert code == 0
    assert (tmp_path / "rejects.ndjson").read_bytes() == b""


def test_packed_file_is_read_from_standard_input() -> None:
    code, report = intake("-", stdin=gzip.compress(b"a,b\n1,2\n3,4\n"))

    assert (code, report["accepted"]) == (0, 2)


def test_workbook_is_told_by_its_name_and_its_worksheet_by_an_option(tmp_path: Path) -> None:
    path = tmp_path / "report.XLSX"
    path.write_bytes(workbook("<row><c><v>1</v></c></row><row><c><v>2</v></c></row>"))

    code, report = intake(str(path), "--sheet", "data", "--header-rows", "0")
    other, refused = intake(str(path), "--sheet", "other")

    assert (code, report["accepted"], report["dialect"]["kind"]) == (0, 2, "excel")
    assert report["evidence"][0] == "worksheet 'Data': given; its table is in column A"
    assert other == 4
    assert "no worksheet 'other'; it has 'Data'" in refused["refusal"]


def test_refusal_in_the_middle_leaves_no_rows_behind(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(300_000)))
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(packed[:-20])

    code, report = intake(str(path), "--out", str(tmp_path / "out"), "--as-text")

    assert code == 4
    assert "ends in the middle" in report["refusal"]
    assert list((tmp_path / "out").iterdir()) == []


def test_place_that_cannot_be_written_is_an_error_in_a_line(messy: Path) -> None:
    result = CliRunner().invoke(app, ["intake", str(messy), "--out", str(messy)])

    assert result.exit_code == 1
    assert isinstance(result.exception, InvalidConfigError)


def test_what_is_stated_overrules_what_is_found(messy: Path) -> None:
    _, report = intake(str(messy), "--delimiter", ",", "--header-rows", "0", "--skip-lines", "0")

    assert report["dialect"]["delimiter"] == ","
    assert report["dialect"]["header_rows"] == 0
    assert report["rows"] == 5


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"PK\x05\x06" + bytes(18), "holds no file"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "PDF"),
        (b'[{"a": 1}, {"a": 2}]', "JSON"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], "ends in the middle"),
    ],
)
def test_what_is_no_csv_is_refused_with_the_reason_and_its_own_exit_code(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)

    code, report = intake(str(path))

    assert code == 4
    assert reason in report["refusal"]


@pytest.mark.parametrize(("name", "what"), [("nothing.csv", "is not there"), (".", "is a folder")])
def test_what_is_no_file_is_a_usage_error(tmp_path: Path, name: str, what: str) -> None:
    result = CliRunner().invoke(app, ["intake", str(tmp_path / name)])

    assert result.exit_code == 2
    assert what in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code", "message"),
    [
        (["missing.csv"], 2, "usage", "is not there"),
        (["missing.csv", "--no-such-option"], 2, "usage", "No such option"),
        ([], 2, "usage", "Missing argument"),
        (["messy.csv", "--header-rows", "many"], 2, "usage", "header-rows"),
        (["messy.csv", "--encoding", "klingon"], 1, "invalid_config", "not known"),
        (["messy.csv", "--table", "orders"], 1, "invalid_config", "no folder config"),
        (["messy.csv", "--out", "messy.csv"], 1, "invalid_config", "messy.csv"),
        (["drawing.csv"], 4, "invalid_file", "PNG"),
    ],
)
def test_every_error_is_json_where_json_is_asked_for(
    messy: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    exit_code: int,
    code: str,
    message: str,
) -> None:
    monkeypatch.chdir(messy.parent)
    Path("drawing.csv").write_bytes(b"\x89PNG\r\n\x1a\n")

    found, report = intake(*arguments)

    assert found == exit_code
    assert report["version"] == 1
    assert report["error"]["code"] == code
    assert message in report["error"]["message"]
    assert report["error"]["action"]


def test_table_file_says_how_a_file_is_read(tmp_path: Path, messy: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.yaml").write_text(
        "connections:\n  postgres: {host: 127.0.0.1, user: postgres}\n"
    )
    (tmp_path / "tables.yaml").write_text(
        "tables:\n"
        "  - name: bills\n"
        "    csv: {columns: {id: text, name: text, amount: 'decimal(9,2)'}, decimal: ','}\n"
        "    postgres: {table: bills}\n"
    )

    code, report = intake(str(messy), "--table", "bills", "--config", str(tmp_path))

    assert code == 0
    assert [c["type"] for c in report["columns"]] == ["text", "text", "decimal(9,2)"]
    assert report["accepted"] == 3


def test_people_see_the_same(messy: Path) -> None:
    result = CliRunner().invoke(app, ["intake", str(messy)])

    assert result.exit_code == 0
    for said in ("how it is written", "decimal(2,1)", "wrong_width", "3 rows accepted, 1 rejected"):
        assert said in result.output


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.csv")), ids=lambda p: p.stem)
def test_every_file_of_the_corpus_adds_up(path: Path) -> None:
    code, report = intake(str(path))

    assert code in (0, 4), report
    assert (report["refusal"] is None) == (code == 0)
    assert report["accepted"] + report["rejected"] == report["rows"]


def test_nothing_of_a_file_is_quoted_whose_table_protects_columns(tmp_path: Path) -> None:
    config, out = tmp_path / "config", tmp_path / "out"
    (config / "environments").mkdir(parents=True)
    (config / "environments" / "local.yaml").write_text("connections: {postgres: {host: h}}\n")
    (config / "tables.yaml").write_text(
        "tables:\n  - {name: people, csv: {}, sync_mode: append, postgres: {table: people},\n"
        "     columns: {mail: {protect: hash}, pin: {protect: drop}}}\n"
    )
    file = tmp_path / "people.csv"
    file.write_bytes(b"id,mail,pin\n1,ann@example.org,Kx-1\nbo@example.org,Kx-2\n3,,Kx-3\n")

    code, report = intake(
        str(file), "--table", "people", "--config", str(config), "--out", str(out)
    )

    assert code == 0
    assert (report["accepted"], report["rejected"]) == (2, 1)
    told = json.dumps(report) + (out / "rejects.ndjson").read_text()
    assert not {word for word in ("example", "Kx-") if word in told}
    assert [(c["name"], c["reason"]) for c in report["columns"]][1:] == [
        ("mail", "protected: hash")
    ]
    accepted = pq.read_table(out / "accepted.parquet").to_pydict()
    assert accepted == {"id": [1, 3], "mail": ["***", None]}


def test_parquet_is_known_by_its_name_or_by_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    pq.write_table(pa.table({"id": [1, 2], "at": pa.array([1_000, 1], pa.timestamp("ns"))}), path)

    code, report = intake(str(path))
    named, same = intake("-", "--kind", "parquet", "--as-text", stdin=path.read_bytes())

    assert (code, named) == (0, 0)
    assert (report["accepted"], report["rejected"], same["accepted"]) == (1, 1, 2)
    assert [(c["type"], c["reason"]) for c in report["columns"]] == [
        ("int64", "the file says int64"),
        ("timestamp", "the file says timestamp[ns]"),
    ]
    assert report["rejects"][0]["raw"] == '{"id": 2, "at": "1970-01-01 00:00:00.000000001"}'


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--kind", "parquet", "--encoding", "cp1252"), "--encoding"),
        (("--kind", "ndjson", "--encoding", "cp1252", "--delimiter", ";"), "--delimiter, --enc"),
        (("--kind", "ndjson", "--quote", ""), "--quote"),
        (("--kind", "excel", "--delimiter", ";"), "--delimiter"),
        (("--sheet", "Data"), "--sheet"),
        (("--kind", "fixed"), "--table"),
    ],
)
def test_options_that_the_kind_would_ignore_are_refused(
    messy: Path, options: tuple[str, ...], named: str
) -> None:
    result = CliRunner().invoke(app, ["intake", str(messy), *options])

    assert isinstance(result.exception, InvalidConfigError)
    assert named in result.exception.message


def test_file_without_the_trailer_that_its_table_states_is_refused(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.yaml").write_text("connections: {postgres: {host: h}}\n")
    (tmp_path / "tables.yaml").write_text(
        "tables:\n  - {name: bills, csv: {trailer: TRL}, postgres: {table: bills}}\n"
    )
    given = ("--table", "bills", "--config", str(tmp_path), "--out", str(tmp_path / "out"))

    code, report = intake("-", *given, stdin=b"a,b\n1,x\n2,y\n")
    whole, _ = intake("-", *given[:-2], stdin=b"a,b\n1,x\n2,y\nTRL 2\n")

    assert (code, whole) == (4, 0)
    assert "'TRL'" in report["refusal"]
    assert not list((tmp_path / "out").iterdir())
