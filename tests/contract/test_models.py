"""Models in PostgreSQL: rows, record and fence in one transaction; readers see all or nothing."""

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from shared.config.curated import ResolvedModel
from shared.core import curated
from shared.core.receipts import Verdict
from shared.errors import (
    CheckFailedError,
    LeaseHeldError,
    MismatchError,
    SchemaConflictError,
    TargetRefusedError,
    TargetUnavailableError,
)
from shared.targets.curated import Order, Refresh, Refreshed
from shared.targets.postgres.curated import PostgresModel
from tests.contract.engines import Engine
from tests.contract.targets import Table


class Curated:
    """A model over a table of days with numbers, both with names of their own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.source = Table(engine)
        self.source.load([(1, "a"), (2, "b"), (3, "b")])
        self.name = f"m_{uuid.uuid4().hex[:8]}"
        place = self.source.resolved.table.place
        self.input = engine.qualified(place.schema_, place.table)
        self.table = engine.qualified("curated", self.name)

    def model(self, sql: str = "", inputs: tuple[str, ...] = (), **changes: Any) -> ResolvedModel:
        given = {"name": self.name, "postgres": {"schema": "curated", "table": self.name}}
        default = f"SELECT name, count(*) AS n, max(id) AS newest FROM {self.input} GROUP BY name"
        return ResolvedModel.model_validate(
            {
                "environment": "test",
                "model": given | changes,
                "sql": sql or default,
                "inputs": inputs or (self.source.resolved.table.name,),
                "follows": (),
                "connections": self.engine.connections.model_dump(),
            }
        )

    def refresh(
        self,
        model: ResolvedModel | None = None,
        run_id: str = "",
        confirm: Callable[[], None] | None = None,
        **order: Any,
    ) -> Refreshed:
        run_id = run_id or f"20240131T030000Z-{uuid.uuid4().hex[:12]}"
        given = Order(run_id=run_id, attempt="a", config_generation=1, code_version="1", **order)
        target = PostgresModel(model or self.model(), self.engine.secrets)
        with closing(target):
            return target.refresh(given, confirm or (lambda: None))

    def rows(self, columns: str = "name, n") -> list[tuple[Any, ...]]:
        return self.engine.query(f"SELECT {columns} FROM {self.table} ORDER BY 1")

    def key(self) -> list[str]:
        """Return the columns of the table's primary key, in the order of the table."""
        found = self.engine.query(
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid "
            f"AND a.attnum = ANY (i.indkey) WHERE i.indrelid = '{self.table}'::regclass "
            "AND i.indisprimary ORDER BY a.attnum"
        )
        return [name for (name,) in found]


INCREMENTAL = {"materialised": "incremental", "unique_key": ["name"], "cursor": "newest"}


@pytest.fixture
def made(postgres_engine: Engine) -> Curated:
    return Curated(postgres_engine)


def test_first_refresh_makes_the_table_and_says_what_it_read(made: Curated) -> None:
    refreshed = made.refresh()

    assert made.rows() == [("a", 1), ("b", 2)]
    assert refreshed.outcome is Refresh.COMMITTED
    assert refreshed.receipt
    assert (refreshed.receipt.rows_loaded, refreshed.receipt.verdict) == (2, Verdict.VERIFIED)
    assert refreshed.receipt.notes[0] == "rows before 0, after 2"
    with made.source.target() as target:
        assert list(refreshed.inputs.values()) == [target.state().run_id]


def test_the_same_run_publishes_once(made: Curated) -> None:
    run_id = "20240131T030000Z-0123456789ab"[:-4] + uuid.uuid4().hex[:4]
    tested = made.model(tests=[{"not_null": ["name"]}])
    first = made.refresh(tested, run_id=run_id)
    made.source.load([(7, "x"), (8, "y"), (9, "z")])

    again = made.refresh(tested, run_id=run_id)

    assert again.outcome is Refresh.ALREADY
    assert (again.inputs, again.results) == (first.inputs, first.results)
    assert again.receipt
    assert first.receipt
    assert replace(again.receipt, notes=first.receipt.notes) == first.receipt
    assert made.rows() == [("a", 1), ("b", 2)]


def test_run_that_is_cancelled_before_the_commit_leaves_the_rows_before(made: Curated) -> None:
    made.refresh()
    made.engine.query(f"INSERT INTO {made.input} VALUES (4, 'c')")

    def refuse() -> None:
        raise LeaseHeldError("cancelled")

    with pytest.raises(LeaseHeldError):
        made.refresh(is_asked_for=True, confirm=refuse)

    assert made.rows() == [("a", 1), ("b", 2)]


def test_nothing_is_done_until_an_input_was_published(made: Curated) -> None:
    made.refresh()

    assert made.refresh().outcome is Refresh.UNCHANGED
    assert made.refresh(is_asked_for=True).outcome is Refresh.COMMITTED
    made.source.load([(4, "c"), (5, "c")])
    assert made.refresh().outcome is Refresh.COMMITTED
    assert made.rows() == [("c", 2)]


def test_model_waits_for_inputs_that_were_never_published(made: Curated) -> None:
    sql = f"SELECT name FROM {made.input} JOIN nowhere USING (id)"

    refreshed = made.refresh(made.model(sql, inputs=("a_table", "nowhere")), is_asked_for=True)

    assert (refreshed.outcome, refreshed.missing) == (Refresh.WAITING, ("a_table", "nowhere"))


def test_incremental_model_merges_what_is_new_by_its_key(made: Curated) -> None:
    model = made.model(**INCREMENTAL)
    made.refresh(model)
    made.engine.query(f"UPDATE {made.table} SET n = 100 WHERE name = 'a'")
    made.engine.query(f"INSERT INTO {made.input} VALUES (4, 'b'), (5, 'c')")

    refreshed = made.refresh(model, is_asked_for=True)

    assert made.rows() == [("a", 100), ("b", 3), ("c", 1)]
    assert refreshed.receipt
    counts = refreshed.receipt.rows_inserted, refreshed.receipt.rows_updated
    assert counts == (1, 1)
    assert (refreshed.receipt.low, refreshed.receipt.high) == ("3", "5")
    made.refresh(model, is_full=True)
    assert made.rows() == [("a", 1), ("b", 3), ("c", 1)]


def test_incremental_model_of_another_definition_is_made_anew(made: Curated) -> None:
    made.refresh(made.model(**INCREMENTAL))
    sql = f"SELECT upper(name) AS name, 1 AS n, max(id) AS newest FROM {made.input} GROUP BY 1"

    made.refresh(made.model(sql, **INCREMENTAL))

    assert made.rows() == [("A", 1), ("B", 1)]


def test_model_of_another_key_gives_it_to_the_table_that_is_there(made: Curated) -> None:
    keys = []
    for key in (["name"], ["newest"], []):
        made.refresh(made.model(unique_key=key))
        keys.append(made.key())
    nullable = f"SELECT NULL::text AS name, count(*) AS n, max(id) AS newest FROM {made.input}"

    made.refresh(made.model(nullable))

    assert keys == [["name"], ["newest"], []]
    assert made.rows() == [(None, 3)]


def test_table_gets_other_columns_and_the_receipt_says_so(made: Curated) -> None:
    made.refresh()
    sql = f"SELECT name, min(id) AS n, true AS flag FROM {made.input} GROUP BY 1 -- a comment"

    refreshed = made.refresh(made.model(sql))

    assert made.rows("name, n, flag") == [("a", 1, True), ("b", 2, True)]
    assert refreshed.receipt
    assert "was made anew" in refreshed.receipt.notes[-1]


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"tests": [{"not_null": ["n", "name"]}, {"unique": ["n"]}]}, "unique(n)"),
        ({"tests": [{"accepted": "n < 2"}]}, "accepted(n < 2)"),
        ({"unique_key": ["n"]}, "unique(n)"),
    ],
)
def test_test_that_fails_leaves_the_rows_before(
    made: Curated, changes: dict[str, Any], title: str
) -> None:
    made.refresh()
    made.engine.query(f"INSERT INTO {made.input} VALUES (4, 'c')")

    with pytest.raises(CheckFailedError) as caught:
        made.refresh(made.model(**changes), is_asked_for=True)

    assert title in caught.value.message
    assert made.rows() == [("a", 1), ("b", 2)]


def test_test_that_warns_is_in_the_results(made: Curated) -> None:
    refreshed = made.refresh(made.model(tests=[{"accepted": "n < 2", "severity": "warn"}]))

    [result] = refreshed.results
    assert (str(result.verdict), result.rows) == ("warned", 1)


def test_table_of_somebody_else_is_not_touched(made: Curated) -> None:
    made.engine.query("CREATE SCHEMA IF NOT EXISTS curated")
    made.engine.query(f"CREATE TABLE {made.table} (name text)")
    made.engine.query(f"INSERT INTO {made.table} VALUES ('theirs')")

    with pytest.raises(SchemaConflictError, match="its rows would be lost"):
        made.refresh()

    assert made.rows("name") == [("theirs",)]


def test_model_that_is_given_another_table_leaves_the_one_that_is_there(made: Curated) -> None:
    made.refresh()
    other = f"{made.name}_other"
    place = made.engine.qualified("curated", other)
    made.engine.query(f"CREATE TABLE {place} AS SELECT 'mine' AS x")
    moved = made.model(postgres={"schema": "curated", "table": other})

    with pytest.raises(SchemaConflictError, match="no run of model"):
        made.refresh(moved)

    assert made.engine.query(f"SELECT x FROM {place}") == [("mine",)]


def test_trigger_that_swallows_rows_stops_the_refresh(made: Curated) -> None:
    made.refresh()
    made.engine.query(
        "CREATE OR REPLACE FUNCTION swallow() RETURNS trigger AS 'BEGIN RETURN NULL; END' "
        "LANGUAGE plpgsql"
    )
    made.engine.query(
        f"CREATE TRIGGER swallow BEFORE INSERT ON {made.table} FOR EACH ROW EXECUTE FUNCTION "
        "swallow()"
    )

    with pytest.raises(MismatchError, match="Look for triggers"):
        made.refresh(is_asked_for=True)

    assert made.rows() == [("a", 1), ("b", 2)]


def test_select_that_the_database_refuses_is_permanent(made: Curated) -> None:
    with pytest.raises(TargetRefusedError, match="no_such_column"):
        made.refresh(made.model(f"SELECT no_such_column FROM {made.input}"))


def test_readers_see_the_rows_before_until_the_commit_and_a_rival_comes_again(
    made: Curated,
) -> None:
    made.refresh()
    made.engine.query(f"INSERT INTO {made.input} VALUES (4, 'c')")
    slow = made.model(f"SELECT name, count(*) AS n FROM {made.input}, pg_sleep(0.6) GROUP BY name")
    ends: list[object] = []

    def refresh() -> None:
        try:
            ends.append(made.refresh(slow, is_asked_for=True).outcome)
        except TargetUnavailableError as exc:
            ends.append(exc)

    threads = [threading.Thread(target=refresh) for _ in range(2)]
    for thread in threads:
        thread.start()
    seen = set()
    while any(thread.is_alive() for thread in threads):
        seen.add(tuple(made.rows()))
    for thread in threads:
        thread.join()

    before, after = (("a", 1), ("b", 2)), (("a", 1), ("b", 2), ("c", 1))
    assert before in seen
    assert seen <= {before, after}
    assert Refresh.COMMITTED in ends
    assert tuple(made.rows()) == after


def test_input_that_is_made_anew_meanwhile_is_never_taken_for_empty(made: Curated) -> None:
    made.refresh()
    ends: list[object] = []

    def refresh() -> None:
        try:
            ends.append(made.refresh(is_asked_for=True).outcome)
        except TargetUnavailableError as exc:
            ends.append(exc)

    thread = threading.Thread(target=refresh)
    with closing(made.engine.connect()) as rival:
        rival.autocommit = False
        cursor = rival.cursor()
        cursor.execute(f"CREATE TEMPORARY TABLE kept AS SELECT * FROM {made.input}")
        cursor.execute(f"DROP TABLE {made.input}")
        cursor.execute(f"CREATE TABLE {made.input} AS SELECT * FROM kept")
        thread.start()
        deadline_s = time.monotonic() + 20
        while time.monotonic() < deadline_s and not made.engine.query(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
        ):
            pass
        rival.commit()
    thread.join()

    assert "was made anew meanwhile" in str(ends[0])
    assert made.rows() == [("a", 1), ("b", 2)]
    assert made.refresh(is_asked_for=True).outcome is Refresh.COMMITTED
    assert made.rows() == [("a", 1), ("b", 2)]


def test_token_tells_the_runs_of_the_inputs(made: Curated) -> None:
    token = curated.token("d", made.table, [curated.InputState(name="t", epoch=3, run_id="r")])

    assert curated.input_runs(token) == {"t": "r"}
    assert curated.is_made_by("d", token)
    assert not curated.is_made_by("e", token)
