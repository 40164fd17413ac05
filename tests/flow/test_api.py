"""The function api in a running cloud: rows and columns of real ends, and a table made by it."""

import json
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.core.runs import RunState
from tests.flow.cloud import Cloud
from tests.flow.command_line import TIMEOUT_S, sluice

ROWS = (
    (1, "9.90", "2024-01-31 03:00:00", "first"),
    (2, "10.50", "2024-01-31 04:00:00.123456", None),
    (3, "11.00", "2024-02-01 00:00:00", "žluťoučký"),
    (4, "12345678.25", None, "it's"),
    (5, "0.00", "2024-02-01 00:00:00", ""),
)


class Api:
    """The API of a running cloud, as its administrator."""

    def __init__(self, cloud: Cloud) -> None:
        self._url = cloud.background.described["api"]
        self._key = cloud.background.described["api_key"]

    def get(self, path: str) -> Any:
        """Return what a call answers."""
        return self._ask(path, None)

    def post(self, path: str, body: Any) -> Any:
        """Return what a call answers."""
        return self._ask(path, json.dumps(body).encode())

    def _ask(self, path: str, data: bytes | None) -> Any:
        headers = {"X-API-Key": self._key, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}/api/v1/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
            return json.loads(reply.read())


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Api:
    """Return the API of the cloud."""
    return Api(cloud)


def fill(cloud: Cloud, table: str) -> None:
    """Make a table at the source."""
    cloud.source(
        f"CREATE TABLE {{db}}.{table} (ID NUMBER(18,0) NOT NULL, PRICE NUMBER(10,2), "
        "UPDATED_AT TIMESTAMP_NTZ(6), NOTE VARCHAR, PRIMARY KEY (ID))"
    )
    values = ", ".join(
        f"({i}, {price}, {_quoted(at)}, {_quoted(note)})" for i, price, at, note in ROWS
    )
    cloud.source(f"INSERT INTO {{db}}.{table} VALUES {values}")


def _quoted(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


@pytest.fixture(scope="module")
def shown(cloud: Cloud) -> str:
    """Move a table; return the run's id."""
    fill(cloud, "SHOWN")
    cloud.configure("shown", primary_key=["id"])
    run = cloud.run("shown")
    assert run.state is RunState.COMMITTED
    return run.run_id


@pytest.mark.usefixtures("shown")
def test_rows_come_typed_and_page_by_page(api: Api) -> None:
    found, cursor = [], ""
    while True:
        page = api.get(f"data/shown?limit=2{cursor}")
        found += page["rows"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert [column["type"] for column in page["columns"]] == [
        "int64",
        "decimal(10,2)",
        "timestamp",
        "text",
    ]
    times = [None if at is None else datetime.fromisoformat(at).isoformat() for *_, at, _ in ROWS]
    assert found == [
        [i, price, at, note] for (i, price, _, note), at in zip(ROWS, times, strict=True)
    ]


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("where=price:ge:10.50", [2, 3, 4]),
        ("where=updated_at:is:null", [4]),
        ("where=note:eq:it%27s", [4]),
        ("where=note:eq:x%27%20OR%201=1%20--", []),
        ("where=updated_at:ge:2024-02-01T00:00:00&where=price:lt:5", [5]),
    ],
)
def test_rows_are_chosen_without_sql_of_the_caller(api: Api, query: str, ids: list[int]) -> None:
    page = api.get(f"data/shown?column=id&{query}")

    assert page["rows"] == [[i] for i in ids]
    assert [column["name"] for column in page["columns"]] == ["id"]


def test_a_table_is_described_at_both_ends_with_where_its_rows_come_from(
    cloud: Cloud, api: Api, shown: str
) -> None:
    before = api.get("metadata/shown")
    cloud.source("ALTER TABLE {db}.SHOWN ADD COLUMN EXTRA VARCHAR")
    after = api.get("metadata/shown")

    assert before["source"]["name"].endswith(".SHOWN")
    assert [c["source_type"] for c in before["source"]["columns"]][:2] == [
        "NUMBER(18,0)",
        "NUMBER(10,2)",
    ]
    assert [c["name"] for c in before["target"]["columns"] if c["is_key"]] == ["id"]
    assert (before["target"]["rows"], before["drift"]) == (len(ROWS), None)
    assert [publish["run_id"] for publish in before["lineage"]] == [shown]
    assert "extra" in after["drift"]


def test_a_table_is_proposed_created_and_moved(cloud: Cloud, api: Api) -> None:
    fill(cloud, "PROPOSED")
    cloud.configure("beside", snowflake=_place("PROPOSED"))
    asked_at = datetime.now(UTC)

    proposal = api.post("tables/import", _place("PROPOSED"))
    config = proposal["config"] | {"schedule": "manual"}
    created = api.post("tables", config)
    asked = api.post("pipeline/run", {"table": config["name"]})
    run = cloud.await_run(config["name"], lambda r: r.run_id == asked["run_id"] and r.is_terminal)

    assert (config["sync_mode"], config["incremental_column"]) == ("incremental", "updated_at")
    assert config["primary_key"] == ["id"]
    assert created["generation"] >= asked_at.timestamp() * 1e6 - 1e6
    assert run.state is RunState.COMMITTED, run.failure
    assert api.get("tables/proposed")["origin"] == "api"
    assert len(api.get("data/proposed")["rows"]) == len(ROWS)


def _place(table: str) -> dict[str, str]:
    return {"database": "TESTS", "schema": "PUBLIC", "table": table}


def through_api(cloud: Cloud, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line where there is no cloud: whatever is answered comes from the API."""
    described = cloud.background.described
    asked = ("--api", described["api"], *arguments)
    done = sluice(Path("none"), *asked, variables={"SLUICE_API_KEY": described["api_key"]})
    assert described["api_key"] not in done.stdout + done.stderr
    return done


def test_command_line_shows_a_table_through_the_api_as_at_the_cloud(cloud: Cloud) -> None:
    cloud.source(
        "CREATE TABLE {db}.BROWSED (NOTE VARCHAR, ID NUMBER(9,0) NOT NULL, PRICE NUMBER(10,2))"
    )
    cloud.source(
        "INSERT INTO {db}.BROWSED SELECT 'line' || CHR(10) || SEQ4(), SEQ4(), SEQ4() / 4 "
        "FROM TABLE(GENERATOR(ROWCOUNT => 501))"
    )
    cloud.configure("browsed", primary_key=["id"])
    run = cloud.run("browsed")

    said = {}
    for arguments in (
        ("data", "browsed", "--limit", "501", "--json"),  # more than one page
        ("data", "browsed", "--column", "note", "--where", "price>=0.5", "--limit", "2"),
        ("data", "browsed", "--where", "price:is:null"),
        ("data", "browsed", "--column", "nothing"),
        ("data", "nowhere"),
        ("metadata", "browsed"),
        ("metadata", "browsed", "--json"),
        ("schema", "browsed", "--json"),
        ("lineage", run.run_id),
    ):
        remote, direct = through_api(cloud, *arguments), cloud.sluice(*arguments)
        assert (remote.stdout, remote.returncode) == (direct.stdout, direct.returncode)
        assert remote.stderr == direct.stderr
        said[arguments[1:4]] = (remote.returncode, remote.stdout)

    every = json.loads(said["browsed", "--limit", "501"][1])
    assert [row[1] for row in every["rows"]] == list(range(501))
    assert (every["rows"][2], every["is_complete"]) == (["line\n2", 2, "0.50"], True)
    some = said["browsed", "--column", "note"][1].splitlines()
    assert [line.strip() for line in some[:3]] == ["note", "line\\n2", "line\\n3"]
    assert "--limit shows more" in some[3]
    assert said["browsed", "--where", "price:is:null"] == (0, "no rows\n")
    assert said["browsed", "--column", "nothing"][0] == said["nowhere",][0] == 1


def test_command_line_moves_and_mends_through_the_api(cloud: Cloud, tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        done = through_api(cloud, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    cloud.source("CREATE TABLE {db}.REMOTE (ID NUMBER(9,0) NOT NULL)")
    cloud.source("INSERT INTO {db}.REMOTE VALUES (1), (2)")
    cloud.configure("remote")
    rules = {"columns": {"id": "int64", "n": "int64"}, "max_reject_percent": 50}
    cloud.configure("remote_file", csv=rules, sync_mode="append")

    ended = json.loads(said("run", "remote", "--json"))
    dropped = cloud.drop("remote_file/a.csv", b"id,n\n1,1\n2,x\n")
    (listed,) = json.loads(said("quarantine", "list", "remote_file", "--json"))
    row = json.loads(said("quarantine", "show", dropped.run_id, "--json"))

    assert (ended["state"], ended["receipt"]["rows_loaded"]) == ("committed", 2)
    assert said("runs", ended["run_id"]) == cloud.sluice("runs", ended["run_id"]).stdout
    assert (listed["run_id"], listed["rows_rejected"]) == (dropped.run_id, 1)
    assert (row["line"], row["raw"]) == (3, "2,x")
    mended = tmp_path / "mended.csv"
    mended.write_text("id,n\n2,2\n")
    again = said("quarantine", "replay", dropped.run_id, "--with", str(mended), "--json")
    assert json.loads(again)["receipt"]["rows_loaded"] == 1
