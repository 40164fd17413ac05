"""Which processes make the cloud on a laptop."""

from pathlib import Path

import pytest

from local.deployment import needs
from local.topology import REPOSITORY, Topology

TABLES = "tables:\n  - name: a\n    csv: {}\n    postgres: {table: a}\n"
SQLSERVER = "name: b\ncsv: {}\nsqlserver: {table: b}\n"


@pytest.mark.parametrize(
    ("files", "needed"),
    [
        ({"tables.yaml": TABLES}, False),
        ({"tables.yaml": TABLES, "tables/b.yaml": SQLSERVER}, True),
        ({"tables.yaml": f"tables:\n  - {{{', '.join(SQLSERVER.splitlines())}}}\n"}, True),
        ({"environments/local.yaml": "tables:\n  a: {sqlserver: {table: a}}\n"}, True),
        ({"environments/other.yaml": "tables:\n  a: {sqlserver: {table: a}}\n"}, False),
        ({"tables.yaml": "tables:\n", "environments/local.yaml": ""}, False),
    ],
)
def test_sqlserver_is_needed_when_a_table_has_it_as_its_target(
    tmp_path: Path, *, files: dict[str, str], needed: bool
) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert needs("sqlserver", tmp_path, "local") is needed


def test_the_demo_starts_no_sqlserver(tmp_path: Path) -> None:
    needed = needs("sqlserver", REPOSITORY / "config", "local")
    topology = Topology.plan(tmp_path, has_sqlserver=needed)
    assert "sqlserver" not in [process.name for process in topology.processes()]


def test_sqlserver_gets_its_password_out_of_sight(tmp_path: Path) -> None:
    topology = Topology.plan(tmp_path, has_sqlserver=True)
    (process,) = [each for each in topology.processes() if each.name == "sqlserver"]
    assert topology.password in process.env.values()
    assert topology.password not in process.command


def test_bigquery_starts_for_a_table_that_needs_it_and_reads_this_clouds_objects(
    tmp_path: Path,
) -> None:
    (tmp_path / "tables.yaml").write_text("name: b\ncsv: {}\nbigquery: {dataset: d, table: b}\n")
    needed = needs("bigquery", tmp_path, "local")
    topology = Topology.plan(tmp_path / "state", has_bigquery=needed)

    (process,) = [each for each in topology.processes() if each.name == "bigquery"]

    assert process.env["STORAGE_EMULATOR_HOST"] == topology.env["STORAGE_EMULATOR_HOST"]
    assert not needs("sqlserver", tmp_path, "local")
