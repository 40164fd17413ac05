"""What the product depends on in BigQuery's API, by Google's own client against the stand-in.

``SLUICE_TEST_BIGQUERY`` lets ``test_target_*.py`` run against another server; the tests here
restart and break the stand-in, so they are about it alone.
"""

import io
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, NotFound
from google.cloud import bigquery

from tests.contract.bigquery_process import BigQueryProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryProcess]:
    """Start the stand-in."""
    process = BigQueryProcess(tmp_path_factory.mktemp("bigquery"))
    process.start()
    client = process.connect()
    client.create_dataset("d")
    yield process
    process.stop()


@pytest.fixture
def client(server: BigQueryProcess) -> Any:
    """Return Google's client."""
    return server.connect()


@pytest.fixture
def table(client: Any) -> str:
    """Return an empty table of ``id`` and ``name``."""
    name = f"d.t{uuid.uuid4().hex}"
    fields = [
        bigquery.SchemaField("id", "INT64", "REQUIRED"),
        bigquery.SchemaField("name", "STRING"),
    ]
    client.create_table(bigquery.Table(f"{client.project}.{name}", schema=fields))
    return name


def rows(client: Any, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Run a query and return its rows."""
    values = [bigquery.ScalarQueryParameter(k, "INT64", v) for k, v in parameters.items()]
    config = bigquery.QueryJobConfig(query_parameters=values)
    return [tuple(row) for row in client.query(query, job_config=config).result()]


def load(client: Any, table: str, data: pa.Table, *, size: bool = True, **options: Any) -> Any:
    """Load Parquet by upload, in one request or, without its size, in chunks."""
    job_id = options.pop("job_id", None)
    config = bigquery.LoadJobConfig(
        **{"source_format": "PARQUET", "write_disposition": "WRITE_APPEND", **options}
    )
    file = io.BytesIO()
    pq.write_table(data, file)
    job = client.load_table_from_file(
        file,
        table,
        rewind=True,
        size=file.tell() if size else None,
        job_config=config,
        job_id=job_id,
    )
    return job.result()


def some(*ids: int) -> pa.Table:
    """Return rows."""
    return pa.table({"id": pa.array(ids, pa.int64()), "name": [f"row {n}" for n in ids]})


@pytest.mark.parametrize("size", [True, False])
def test_upload_is_loaded_in_one_request_or_in_chunks(client: Any, table: str, size: bool) -> None:
    job = load(client, table, some(1, 2), size=size)

    assert job.output_rows == 2
    assert rows(client, f"SELECT * FROM {table} ORDER BY id") == [(1, "row 1"), (2, "row 2")]


def test_job_id_is_used_once_and_tells_how_its_job_ended(client: Any, table: str) -> None:
    good, bad = (f"job-{uuid.uuid4().hex}" for _ in range(2))
    load(client, table, some(1), job_id=good)
    with pytest.raises(BadRequest):
        load(client, table, pa.table({"id": ["no number"]}), job_id=bad)

    for job_id in (good, bad):
        with pytest.raises(Conflict):
            load(client, table, some(1), job_id=job_id)

    assert client.get_job(good).error_result is None
    assert client.get_job(bad).error_result["reason"] == "invalid"
    assert rows(client, f"SELECT COUNT(*) FROM {table}") == [(1,)]


def test_load_that_wants_an_empty_table_finds_one_or_fails(client: Any, table: str) -> None:
    load(client, table, some(1), write_disposition="WRITE_EMPTY")

    with pytest.raises(Conflict, match="Already Exists"):
        load(client, table, some(2), write_disposition="WRITE_EMPTY")
    with pytest.raises(NotFound):
        load(client, "d.missing", some(2), create_disposition="CREATE_NEVER")

    load(client, table, some(3), write_disposition="WRITE_TRUNCATE")
    assert rows(client, f"SELECT id FROM {table}") == [(3,)]


def test_null_in_a_required_column_loads_nothing(client: Any, table: str) -> None:
    with pytest.raises(BadRequest, match="null"):
        load(client, table, pa.table({"id": pa.array([1, None], pa.int64())}))

    assert rows(client, f"SELECT COUNT(*) FROM {table}") == [(0,)]


def test_script_is_undone_by_the_statement_that_fails(client: Any, table: str) -> None:
    load(client, table, some(1, 2))
    script = (
        "DECLARE n INT64 DEFAULT 0; BEGIN TRANSACTION; DELETE FROM {0} WHERE id = @id; "
        "SET n = @@row_count; ASSERT n = {1} AS 'not {1}'; COMMIT TRANSACTION; SELECT n;"
    )

    with pytest.raises(BadRequest, match="Assertion failed: not 2"):
        rows(client, script.format(table, 2), id=1)
    assert rows(client, f"SELECT COUNT(*) FROM {table}") == [(2,)]

    assert rows(client, script.format(table, 1), id=1) == [(1,)]
    assert rows(client, f"SELECT COUNT(*) FROM {table}") == [(1,)]


def test_table_says_when_it_was_last_changed(client: Any, table: str) -> None:
    def modified() -> Any:
        time.sleep(0.002)  # it is told in milliseconds
        return client.get_table(table).modified

    other = f"{table}_other"
    moments = [modified()]
    for changes in (
        f"INSERT INTO {table} (id) VALUES (1)",
        f"BEGIN TRANSACTION; UPDATE {table} SET name = 'a' WHERE id = 1; COMMIT TRANSACTION",
        f"ALTER TABLE {table} ADD COLUMN size INT64",
    ):
        client.query(changes).result()
        moments.append(modified())
    assert moments == sorted(set(moments))

    client.query(f"CREATE TABLE {other} AS SELECT id FROM {table}").result()
    client.query(f"INSERT INTO {other} (id) SELECT id FROM {table}").result()
    assert modified() == moments[-1]


def test_no_table_is_made_in_a_transaction(client: Any) -> None:
    with pytest.raises(BadRequest, match="not allowed in transactions"):
        rows(client, "BEGIN TRANSACTION; CREATE TABLE d.made AS SELECT 1 AS x; COMMIT TRANSACTION;")


def test_of_two_transactions_that_change_a_row_one_gives_up(client: Any, table: str) -> None:
    load(client, table, some(1))
    script = (
        f"BEGIN TRANSACTION; UPDATE {table} SET name = CONCAT(name, '+') WHERE id = 1; "
        f"ASSERT (SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 500000)) AS x) > 0; "
        "COMMIT TRANSACTION;"
    )
    failures: list[str] = []
    barrier = threading.Barrier(4)

    def change() -> None:
        barrier.wait()
        try:
            client.query(script, job_retry=None, job_id=uuid.uuid4().hex).result(job_retry=None)
        except GoogleAPICallError as exc:
            failures.append(str(exc))

    threads = [threading.Thread(target=change) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ((name,),) = rows(client, f"SELECT name FROM {table}")
    assert name == "row 1" + "+" * (4 - len(failures))
    assert all("aborted due to concurrent" in each for each in failures)


def test_rows_come_in_pages(client: Any, table: str) -> None:
    load(client, table, some(*range(25)))

    result = client.query(f"SELECT id FROM {table} ORDER BY id").result(page_size=10)

    assert [row[0] for row in result] == list(range(25))
    assert [row[0] for row in client.list_rows(table, max_results=3)] == [0, 1, 2]


def test_dry_run_tells_the_bytes_of_the_columns_and_changes_nothing(
    client: Any, table: str
) -> None:
    load(client, table, some(1, 2))
    config = bigquery.QueryJobConfig(dry_run=True)

    ids = client.query(f"SELECT id FROM {table}", job_config=config)
    both = client.query(f"DELETE FROM {table} WHERE id > 0 AND name != ''", job_config=config)

    assert ids.total_bytes_processed == 16
    assert both.total_bytes_processed == 16 + 2 * (2 + len("row 1"))
    assert client.get_table(table).num_rows == 2


def test_reserved_word_is_no_name_without_backticks(client: Any) -> None:
    with pytest.raises(BadRequest, match="Unexpected keyword ROWS"):
        rows(client, "SELECT (SELECT 1) AS rows")

    assert rows(client, "SELECT (SELECT 1) AS `rows`") == [(1,)]


def test_jobs_are_listed_with_the_newest_first(client: Any, table: str) -> None:
    ids = [f"listed-{uuid.uuid4().hex}" for _ in range(2)]
    for job_id in ids:
        load(client, table, some(1), job_id=job_id)

    listed = [job.job_id for job in client.list_jobs() if job.job_id in ids]

    assert listed == ids[::-1]


def test_decimal_beyond_numeric_is_loaded_only_if_the_job_says_so(client: Any) -> None:
    field = bigquery.SchemaField("x", "BIGNUMERIC", precision=38, scale=20)
    name = f"{client.project}.d.n{uuid.uuid4().hex}"
    client.create_table(bigquery.Table(name, schema=[field]))
    data = pa.table({"x": pa.array([Decimal(1)], pa.decimal128(38, 20))})

    with pytest.raises(BadRequest, match="does not match"):
        load(client, name, data)
    load(client, name, data, decimal_target_types=["NUMERIC", "BIGNUMERIC"])

    assert rows(client, f"SELECT x FROM `{name}`") == [(Decimal(1),)]


def test_name_beyond_letters_needs_the_character_map(client: Any) -> None:
    field = bigquery.SchemaField("it's", "STRING")
    name = f"{client.project}.d.n{uuid.uuid4().hex}"
    client.create_table(bigquery.Table(name, schema=[field]))
    data = pa.table({"it's": ["x"]})

    with pytest.raises(BadRequest, match="Invalid field name"):
        load(client, name, data)

    load(client, name, data, column_name_character_map="V2")
    assert rows(client, f"SELECT `it's` FROM `{name}`") == [("x",)]


def test_what_was_done_outlives_the_process(client: Any, table: str, tmp_path: Any) -> None:
    other = BigQueryProcess(tmp_path)
    other.start()
    theirs = other.connect()
    theirs.create_dataset("kept")
    fields = [bigquery.SchemaField("id", "INT64"), bigquery.SchemaField("name", "STRING")]
    theirs.create_table(bigquery.Table(f"{theirs.project}.kept.t", schema=fields))
    load(theirs, "kept.t", some(1, 2), job_id="before")
    other.stop(signal.SIGKILL)

    other.start()

    assert theirs.get_table("kept.t").num_rows == 2
    assert theirs.get_job("before").output_rows == 2
    other.stop()


def test_fault_on_order_hides_an_answer_or_the_whole_request(
    server: BigQueryProcess, client: Any, table: str
) -> None:
    for is_after, expected in ((False, 0), (True, 1)):
        server.order({"path": "/jobs$", "times": 1, "after": is_after, "status": 503})
        with pytest.raises((GoogleAPICallError, Conflict)):
            client.query(f"INSERT INTO {table} (id) VALUES (1)", retry=None, job_retry=None)
        assert rows(client, f"SELECT COUNT(*) FROM {table}") == [(expected,)]
    server.clear_faults()
