"""``sluice tables import``: what it proposes is valid, and reads the file it comes from."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from shared.config import resolve
from shared.errors import InvalidConfigError, InvalidFileError
from tests.unit.csv.parquet_files import written
from tests.workbooks import two_sheets, workbook

ENVIRONMENT = "connections:\n  postgres: {host: 127.0.0.1, user: postgres}\n"

FILES = {
    "plain": b"id,name\n1,a\n2,b\n",
    "German": "Datum;Betrag;Straße\n31.01.2024;1.234,50;Weg\n01.02.2024;0,50;Gasse\n".encode(
        "cp1252"
    ),
    "2024 export (final)": b"report of 2024\n\nid|no: yes|a # b\n1|2|x\n2|3|y\n",
    "odd names": b'id,"a ""b"": c","true"\n1,2,3\n2,3,4\n',
    "lines.ndjson": b'{"id": 1, "at": "2024-01-31"}\n{"id": 2, "tags": ["a"]}\n',
    "packed.jsonl.gz": gzip.compress(b'{"id": 1}\n{"id": 2}\n', mtime=0),
    "sheet.xlsx": workbook(
        '<row><c t="str"><v>id</v></c><c t="str"><v>rate</v></c></row><row><c><v>1</v></c></row>'
        "<row><c><v>2</v></c><c><v>0.5</v></c></row>"
    ),
    "columns.parquet": written(pa.table({"id": [1, 2], "name": ["a", None]})).content,
}

TWO_SHEETS = two_sheets(
    '<row><c t="str"><v>id</v></c></row><row><c><v>1</v></c></row>',
    '<row><c t="str"><v>text</v></c></row><row><c><v>2</v></c></row>',
)


@pytest.mark.parametrize("name", FILES)
def test_proposal_is_valid_and_reads_the_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / (name if "." in name else f"{name}.csv")
    file.write_bytes(FILES[name])

    command = ["tables", "import", str(file), "--config", str(tmp_path)]
    proposed = CliRunner().invoke(app, command)
    written = CliRunner().invoke(app, [*command, "--write"])
    again = CliRunner().invoke(app, [*command, "--write"])

    assert (proposed.exit_code, written.exit_code, again.exit_code) == (0, 0, 1), proposed.output
    (place,) = (tmp_path / "tables").iterdir()
    assert place.read_text() == proposed.stdout
    assert proposed.stdout.startswith(f"# {place}\n")
    assert proposed.stderr == ""
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.yaml").write_text(ENVIRONMENT)
    (resolved,) = resolve.load(tmp_path, "local")
    table = resolved.table.name
    read = CliRunner().invoke(
        app, ["intake", str(file), "--table", table, "--config", str(tmp_path), "--json"]
    )
    assert read.exit_code == 0, read.output
    assert '"accepted": 2' in read.stdout
    assert '"rejected": 0' in read.stdout


def test_evidence_stands_beside_what_it_led_to(tmp_path: Path) -> None:
    file = tmp_path / "2024.csv"
    file.write_bytes(FILES["plain"])

    proposed = CliRunner().invoke(app, ["tables", "import", str(file)]).stdout

    assert "\nname: t_2024\n" in proposed
    assert '"id": "int64"  # all 2 values are int64' in proposed


def test_worksheet_is_named_by_an_option(tmp_path: Path) -> None:
    file = tmp_path / "orders.xlsx"
    file.write_bytes(TWO_SHEETS)
    command = ["tables", "import", str(file)]

    unnamed = CliRunner().invoke(app, command)
    proposed = CliRunner().invoke(app, [*command, "--sheet", "Notes"])
    profiled = CliRunner().invoke(app, ["profile", str(file), "--sheet", "Notes", "--json"])

    assert isinstance(unnamed.exception, InvalidFileError)
    assert unnamed.exception.message.endswith("with csv.sheet, or --sheet")
    assert '  kind: "excel"\n  sheet: "Notes"\n' in proposed.stdout
    assert '"text": "int64"' in proposed.stdout
    assert [c["name"] for c in json.loads(profiled.stdout)["columns"]] == ["text"]


@pytest.mark.parametrize(
    "command", [["tables", "import"], ["init", "--file"], ["profile"]], ids=lambda c: c[0]
)
def test_worksheet_of_what_is_no_workbook_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plain.csv").write_bytes(FILES["plain"])

    ended = CliRunner().invoke(app, [*command, "plain.csv", "--sheet", "Data"])

    assert isinstance(ended.exception, InvalidConfigError)
    assert "--sheet: nothing that files of kind csv have" in ended.exception.message


def test_thousands_are_proposed_and_read(tmp_path: Path) -> None:
    file = tmp_path / "money.csv"
    file.write_bytes(b"day;amount\n2024-01-31;1.234,56\n2024-02-01;-12.345.678,9\n2024-02-02;0,5\n")

    proposed = CliRunner().invoke(app, ["tables", "import", str(file)]).stdout

    assert '  thousands: "."\n' in proposed
    assert """"amount": "decimal(10,2)"  # all 3 values are numbers with '.' between""" in proposed


def test_values_that_keep_a_column_from_a_type_are_named(tmp_path: Path) -> None:
    file = tmp_path / "nearly.csv"
    rows = "".join(f"{i:02d}.02.2024,{i}\n" for i in range(1, 26))
    file.write_text(f"day,n\n{rows}31.02.2024,\nn/a,x\n")

    proposed = CliRunner().invoke(app, ["tables", "import", str(file)]).stdout
    shown = CliRunner().invoke(app, ["intake", str(file), "--json"])

    day, n = json.loads(shown.stdout)["columns"]
    assert day["reason"] == (
        "date written as %d.%m.%Y but for 2 of 27 values: first in line 27 '31.02.2024'"
    )
    assert n["reason"] == "int64 but for 1 of 26 values: line 28 'x'"
    assert (day["type"], n["type"]) == ("text", "text")
    assert (n["nearly"]["type"], n["nearly"]["misfits"]) == ("int64", 1)
    assert '# proposal: "n": "int64" rejects 1 row\n' in proposed
    assert shown.stderr == ""


def test_one_bad_value_does_not_hide_numbers_with_a_decimal_comma(tmp_path: Path) -> None:
    file = tmp_path / "betrag.csv"
    rows = "".join(f"{i};{i}.234.567,{i}\n" for i in range(10, 40))
    file.write_text(f"id;betrag\n{rows}40;1.2x4,50\n")

    shown = CliRunner().invoke(app, ["intake", str(file), "--json"])
    proposed = CliRunner().invoke(app, ["tables", "import", str(file)]).stdout

    _, amount = json.loads(shown.stdout)["columns"]
    assert amount["reason"] == (
        "decimal(10,2) with '.' between thousands and ',' as decimal mark but for 1 of 31 values: "
        "line 32 '1.2x4,50'"
    )
    assert amount["type"] == "text"
    assert (
        '# proposal: "betrag": "decimal(10,2)", with decimal: ",", thousands: "." rejects 1 row\n'
        in proposed
    )
    assert "\n  decimal:" not in proposed


def test_marks_that_another_column_has_otherwise_are_not_proposed(tmp_path: Path) -> None:
    file = tmp_path / "mixed.csv"
    rows = "".join(f"{i}.5;{i}.234.567,{i}\n" for i in range(10, 40))
    file.write_text(f"rate;betrag\n{rows}40.5;1.2x4,50\n")

    proposed = CliRunner().invoke(app, ["tables", "import", str(file)]).stdout

    assert '"rate": "decimal(3,1)"' in proposed
    assert "proposal" not in proposed


def test_codes_with_zeros_in_front_are_no_numbers(tmp_path: Path) -> None:
    file = tmp_path / "places.csv"
    rows = "".join(f"{i};{i}\n" for i in range(80331, 80371))
    file.write_text(f"PLZ;n\n{rows}01067;007x\n01097;4\n")

    proposed = CliRunner().invoke(app, ["tables", "import", str(file)]).stdout

    assert '"PLZ": "text"  # only text holds for the values up to row 41' in proposed
    assert '# proposal: "n": "int64" rejects 1 row\n' in proposed
    assert '# proposal: "PLZ"' not in proposed


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("99,90", 'it would be one with decimal: ","'),
        ("1.250,00", 'it would be one with decimal: "," and thousands: "."'),
        ("1'250.00", """it would be one with thousands: "'\""""),
        ("1,250", 'it would be one with thousands: "," or with decimal: ","'),
    ],
)
def test_number_with_other_marks_says_which(tmp_path: Path, written: str, hint: str) -> None:
    table_of_amounts(tmp_path, "")
    file = tmp_path / "amounts.csv"
    file.write_text(f"id;amount\n1;{written}\n2;0.5\n")

    read = CliRunner().invoke(
        app, ["intake", str(file), "--table", "amounts", "--config", str(tmp_path), "--json"]
    )

    (reject,) = json.loads(read.stdout)["rejects"]
    assert reject["reason"] == f"amount: {written!r} is no decimal(12,2); {hint}"


@pytest.mark.parametrize(("keys", "written"), [("thousands: ' '", "99,90"), ("", "9x,90")])
def test_number_that_no_mark_mends_says_none(tmp_path: Path, keys: str, written: str) -> None:
    table_of_amounts(tmp_path, keys)
    file = tmp_path / "amounts.csv"
    file.write_text(f"id;amount\n1;{written}\n2;0.5\n")

    read = CliRunner().invoke(
        app, ["intake", str(file), "--table", "amounts", "--config", str(tmp_path), "--json"]
    )

    (reject,) = json.loads(read.stdout)["rejects"]
    assert reject["reason"] == f"amount: {written!r} is no decimal(12,2)"


def table_of_amounts(folder: Path, keys: str) -> None:
    (folder / "environments").mkdir()
    (folder / "environments" / "local.yaml").write_text(ENVIRONMENT)
    (folder / "tables.yaml").write_text(
        "tables:\n  - name: amounts\n    postgres: {table: amounts}\n    csv:\n"
        "      delimiter: ;\n      columns: {id: int64, amount: 'decimal(12,2)'}\n"
        f"      {keys}\n"
    )


def test_one_value_too_many_and_a_column_is_just_text(tmp_path: Path) -> None:
    file = tmp_path / "mixed.csv"
    file.write_text("n,m\n" + "1,1.5\n" * 8 + "x,1.50\ny,2\n")

    shown = json.loads(CliRunner().invoke(app, ["intake", str(file), "--json"]).stdout)

    n, m = shown["columns"]
    assert n["nearly"] is None
    assert m["reason"].startswith("all 10 values are numbers, but not written by one rule")
