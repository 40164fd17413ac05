"""The function api in a running cloud: rows and columns of real ends, and a table made by it."""

import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.core.runs import RunState
from tests.flow.cloud import Cloud
from tests.flow.command_line import TIMEOUT_S

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
