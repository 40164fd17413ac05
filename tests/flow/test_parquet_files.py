"""Parquet files through the intake: typed, sifted, loaded, traced, rejected rows sent again."""

import io
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

from shared.core.runs import RunState
from shared.steps import quarantine, resending
from shared.steps.row_traces import trace
from tests.flow.cloud import Cloud

DUE = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
SENT = b'{"count": 4, "mail": null, "phone": 5550199, "pin": 4712}\n'


def parquet(**columns: pa.Array) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content, row_group_size=2)
    return content.getvalue()


def orders(*numbers: int, amounts: list[str | None]) -> bytes:
    return parquet(
        ID=pa.array(numbers, pa.int32()),
        amount=pa.array(amounts, pa.string()),
        due=pa.array([DUE] * len(numbers), pa.timestamp("ms", "UTC")),
        tags=pa.array([["a"]] * len(numbers), pa.list_(pa.string())),
    )


def test_rows_of_parquet_are_sifted_loaded_traced_and_rejected_ones_replayed(cloud: Cloud) -> None:
    columns = {"id": "int64", "amount": "decimal(9,2)", "due": "timestamptz", "tags": "json"}
    settings = {"kind": "parquet", "columns": columns, "max_reject_percent": 50}
    cloud.configure("parquet_orders", csv=settings, sync_mode="append")
    content = orders(1, 2, 3, amounts=["1.50", "dear", None])

    runs = [
        cloud.drop("parquet_orders/one.parquet", content),
        cloud.drop("parquet_orders/again.parquet", content),
        cloud.drop("parquet_orders/text.parquet", b"id,amount\n1,2\n"),
        cloud.drop("parquet_orders/other.parquet", parquet(id=pa.array([1]))),
    ]

    states = [RunState.COMMITTED, RunState.SKIPPED, RunState.QUARANTINED, RunState.QUARANTINED]
    assert [run.state for run in runs] == states, runs
    assert cloud.target("SELECT id, amount, due, tags FROM parquet_orders ORDER BY id") == [
        (1, Decimal("1.50"), DUE, ["a"]),
        (3, None, DUE, ["a"]),
    ]
    (reject,) = cloud.rejects(runs[0])
    line = '{"ID": 2, "amount": "dear", "due": "2024-01-02 03:04:05.000Z", "tags": ["a"]}'
    assert (reject["line"], reject["rule"], reject["raw"]) == (2, "not_decimal", line)
    assert runs[2].failure is not None
    assert "not a Parquet file" in runs[2].failure.message
    assert runs[3].failure is not None
    assert "missing columns" in runs[3].failure.message
    (found,) = trace("parquet_orders", ["id=3"], cloud.services)
    assert found.line == 3

    sent = b"".join(quarantine.export(runs[0], cloud.services))
    assert sent == line.encode() + b"\n"
    again = resending.replay(runs[0], cloud.services, sent.replace(b"dear", b"7.25"))
    cloud.await_run("parquet_orders", lambda run: run.run_id == again and run.is_terminal)
    assert cloud.target("SELECT id, amount, due, tags FROM parquet_orders WHERE id = 2") == [
        (2, Decimal("7.25"), DUE, ["a"]),
    ]
    last = cloud.drop("parquet_orders/two.parquet", orders(4, amounts=["1"]))
    assert last.state is RunState.COMMITTED


def test_protected_columns_of_parquet_are_loaded_protected_and_nothing_of_the_file_is_told(
    cloud: Cloud,
) -> None:
    rules = {
        "mail": {"protect": "hash"},
        "phone": {"protect": "mask", "keep_last": 2},
        "pin": {"protect": "drop"},
    }
    settings = {"kind": "parquet", "max_reject_percent": 60}
    cloud.configure("visitors", csv=settings, sync_mode="append", primary_key=[], columns=rules)

    def visitors(count: pa.Array) -> bytes:
        return parquet(
            count=count,
            mail=pa.array(["ann@example.org", None]).dictionary_encode(),
            phone=pa.array([5550142, 5550199], pa.int32()),
            pin=pa.array([4711, 4712]),
        )

    first = cloud.drop("visitors/1.parquet", visitors(pa.array([1, 2])))
    second = cloud.drop("visitors/2.parquet", visitors(pa.array(["3", "ann"])))
    other = cloud.drop("visitors/3.parquet", b"bo@example.org,5550142\n")

    assert first.state is RunState.COMMITTED, first.failure
    assert second.state is RunState.COMMITTED, second.failure
    resolved, _ = cloud.services.config.get("visitors")
    (ann,) = cloud.services.protection_keys(resolved).hashes(pa.array(["ann@example.org"]))
    rows = cloud.target("SELECT count, mail, phone FROM visitors ORDER BY count, phone")
    assert rows == [(1, ann.as_py(), "***42"), (2, None, "***99"), (3, ann.as_py(), "***42")]
    (reject,) = cloud.rejects(second)
    assert (reject["line"], reject["rule"], reject["raw"]) == (2, "not_int64", "***")
    assert other.state is RunState.QUARANTINED
    assert other.failure is not None
    assert "bo@" not in other.failure.message
    again = resending.replay(second, cloud.services, SENT)
    cloud.await_run("visitors", lambda run: run.run_id == again and run.is_terminal)
    assert cloud.target("SELECT mail, phone FROM visitors WHERE count = 4") == [(None, "***99")]
