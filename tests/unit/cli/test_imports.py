"""``sluice tables import``: what it proposes is valid, and reads the file it comes from."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from shared.config import resolve

ENVIRONMENT = "connections:\n  postgres: {host: 127.0.0.1, user: postgres}\n"

FILES = {
    "plain": b"id,name\n1,a\n2,b\n",
    "German": "Datum;Betrag;Straße\n31.01.2024;1.234,50;Weg\n01.02.2024;0,50;Gasse\n".encode(
        "cp1252"
    ),
    "2024 export (final)": b"report of 2024\n\nid|no: yes|a # b\n1|2|x\n2|3|y\n",
    "odd names": b'id,"a ""b"": c","true"\n1,2,3\n2,3,4\n',
}


@pytest.mark.parametrize("name", FILES)
def test_proposal_is_valid_and_reads_the_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / f"{name}.csv"
    file.write_bytes(FILES[name])

    proposed = CliRunner().invoke(app, ["tables", "import", str(file)])

    assert proposed.exit_code == 0, proposed.output
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.yaml").write_text(ENVIRONMENT)
    entry = "".join(f"  {line}\n" for line in proposed.stdout.splitlines())
    (tmp_path / "tables.yaml").write_text(f"tables:\n{entry}")
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

    assert "- name: t_2024" in proposed
    assert '"id": "int64"  # all 2 values are int64' in proposed
