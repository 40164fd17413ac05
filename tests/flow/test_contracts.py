"""Contracts: the first file of a path says how the next ones are written."""

import gzip
import io
import json
import zipfile
from datetime import date
from typing import Any

import pytest

from shared.core import naming
from shared.core.runs import RunState
from tests.flow.cloud import Cloud


def contract(cloud: Cloud, table: str) -> Any:
    done = cloud.sluice("contract", table, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_later_files_are_read_as_the_first_one_was_written(cloud: Cloud) -> None:
    cloud.configure("agreed", sync_mode="append", csv={})

    first = cloud.drop("agreed/1.csv", b"day;name;n\n31.01.2024;a,b;1\n01.02.2024;c;2\n")
    second = cloud.drop("agreed/2.csv", b"day;name;n\n02.01.2024;d,e,f,g;3\n")

    assert (first.state, second.state) == (RunState.COMMITTED, RunState.COMMITTED), second
    frozen = contract(cloud, "agreed")
    assert frozen["contract"]["columns"] == ["day", "name", "n"]
    assert frozen["contract"]["dialect"]["delimiter"] == ";"
    assert frozen["run_id"] == first.run_id
    assert cloud.target("SELECT * FROM agreed ORDER BY n") == [
        (date(2024, 1, 31), "a,b", 1),
        (date(2024, 2, 1), "c", 2),
        (date(2024, 1, 2), "d,e,f,g", 3),
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("delimiter", b"id;name\n3;c\n4;d\n", "delimiter ';' instead of ','"),
        ("columns", b"id,nom,x\n3,c,1\n4,d,2\n", "missing columns name; new columns nom, x"),
        (
            "encoding",
            "id,name\n3,ü\n4,ö\n".encode("utf-16"),
            "encoding utf-16-le instead of utf-8",
        ),
    ],
)
def test_file_that_differs_is_stopped_with_the_difference(
    cloud: Cloud, name: str, content: bytes, reason: str
) -> None:
    table = f"breach_of_{name}"
    cloud.configure(table, sync_mode="append", csv={})
    first = cloud.drop(f"{table}/1.csv", "id,name\n1,ä\n2,b\n".encode())

    run = cloud.drop(f"{table}/2.csv", content)

    assert run.state is RunState.QUARANTINED
    assert run.failure is not None
    assert reason in run.failure.message
    assert f"frozen by {first.trigger_key}" in run.failure.message
    assert cloud.target(f"SELECT count(*) FROM {table}") == [(2,)]


def test_delimiter_that_the_table_file_states_is_to_be_changed_there(cloud: Cloud) -> None:
    cloud.configure("semicolons", sync_mode="append", csv={"delimiter": ";"})
    cloud.drop("semicolons/1.csv", b"order;day;amount\n1;2024-01-31;5\n2;2024-02-01;7\n")

    run = cloud.drop("semicolons/2.csv", b"order,day,amount\n3,2024-02-02,9\n")

    assert run.state is RunState.QUARANTINED
    assert run.failure is not None
    assert "before it: delimiter ',' instead of ';'. The contract" in run.failure.message
    assert run.failure.message.endswith(
        "Send it as they were; if the change is meant, change csv.delimiter of semicolons, which "
        f"states it, and deploy that, then `sluice replay {run.run_id}`"
    )


def test_first_file_with_another_delimiter_than_stated_is_told_so(cloud: Cloud) -> None:
    columns = {"order": "int64", "amount": "int64"}
    cloud.configure("unparted", sync_mode="append", csv={"delimiter": ";", "columns": columns})

    run = cloud.drop("unparted/1.csv", b"Order,Amount\n3,9\n")

    assert run.failure is not None
    assert "looks delimited by ',', and is read with ';'" in run.failure.message


def test_quotes_that_the_contract_does_not_know_are_named(cloud: Cloud) -> None:
    cloud.configure("quoteless", sync_mode="append", csv={"quote": ""})
    cloud.drop("quoteless/1.csv", b"id,name\n1,a\n2,b\n")

    run = cloud.drop("quoteless/2.csv", b'id,name\n3,"c,d"\n')
    shown = cloud.sluice("contract", "quoteless")

    assert run.failure is not None
    assert 'have a ", but this file is read without quotes' in run.failure.message
    assert "quote none" in " ".join(shown.stdout.split())


def test_lifted_contract_lets_a_changed_file_through(cloud: Cloud) -> None:
    cloud.configure("lifted", sync_mode="append", csv={})
    cloud.drop("lifted/1.csv", b"id,name\n1,a\n")
    stopped = cloud.drop("lifted/2.csv", b"id|name\n2|b\n")

    lifted = cloud.sluice("contract", "lifted", "--lift")
    replayed = cloud.sluice("replay", stopped.run_id)

    assert (lifted.returncode, replayed.returncode) == (0, 0), replayed.stderr
    assert contract(cloud, "lifted")["contract"]["dialect"]["delimiter"] == "|"
    assert cloud.target("SELECT * FROM lifted ORDER BY id") == [(1, "a"), (2, "b")]


def test_changed_configuration_lifts_the_contract(cloud: Cloud) -> None:
    cloud.configure("reconfigured", sync_mode="append", csv={})
    cloud.drop("reconfigured/1.csv", b"id,name\n1,a\n")

    cloud.configure("reconfigured", sync_mode="append", csv={"delimiter": "~"})
    run = cloud.drop("reconfigured/2.csv", b"id~name\n2~b\n")

    assert run.state is RunState.COMMITTED
    assert cloud.target("SELECT * FROM reconfigured ORDER BY id") == [(1, "a"), (2, "b")]


def test_contract_holds_while_nothing_of_the_reading_changes(cloud: Cloud) -> None:
    cloud.configure("enduring", sync_mode="append", csv={})
    first = cloud.drop("enduring/1.csv", b"id;name\n1,5;a\n2,5;b\n")
    to_another = cloud.connections(max_connections=8)

    cloud.configure(
        "enduring",
        sync_mode="append",
        csv={"max_reject_percent": 60, "raw": False},
        connections=to_another,
        guard={"min_rows": 0, "max_shrink_percent": 10},
    )
    run = cloud.drop("enduring/2.csv", b"id;name\n3,5;c\n")

    assert run.state is RunState.COMMITTED
    frozen = contract(cloud, "enduring")
    assert (frozen["run_id"], frozen["in_force"]) == (first.run_id, True)


def test_contract_of_a_replayed_run_is_in_force(cloud: Cloud) -> None:
    cloud.configure("relented", sync_mode="append", csv={"columns": {"id": "int64"}})
    stopped = cloud.drop("relented/1.csv", b"id\n1\nx\n")
    cloud.configure(
        "relented",
        sync_mode="append",
        csv={"columns": {"id": "int64"}, "header_rows": 1, "max_reject_percent": 50},
    )

    replayed = cloud.sluice("replay", stopped.run_id)

    assert stopped.state is RunState.QUARANTINED
    assert replayed.returncode == 0, replayed.stderr
    assert contract(cloud, "relented")["in_force"] is True


def test_key_that_ended_a_contract_is_named(cloud: Cloud) -> None:
    cloud.configure("renamed", sync_mode="append", csv={})
    cloud.drop("renamed/1.csv", b"id,name\n1,a\n")

    cloud.configure("renamed", sync_mode="append", csv={"null": ["", "-"]})
    shown = cloud.sluice("contract", "renamed")

    assert "no longer in force: csv.null of renamed was changed since" in shown.stdout


def test_contract_of_an_earlier_release_holds_for_its_generation(cloud: Cloud) -> None:
    cloud.configure("inherited", sync_mode="append", csv={})
    cloud.drop("inherited/1.csv", b"id,name\n1,a\n")
    forget_what_was_stated(cloud, "inherited")

    second = cloud.drop("inherited/2.csv", b"id,name\n2,b\n")
    before = contract(cloud, "inherited")
    cloud.configure("inherited", sync_mode="append", csv={"raw": False})
    after = contract(cloud, "inherited")

    assert second.state is RunState.COMMITTED
    assert (before["in_force"], after["in_force"]) == (True, False)


def forget_what_was_stated(cloud: Cloud, table: str) -> None:
    """Leave a contract as it was stored before it said what the table file stated."""
    storage, bucket = cloud.services.storage, cloud.services.settings.bucket("state")
    found = storage.read(bucket, naming.contract_object(table))
    assert found is not None
    kept = {key: value for key, value in json.loads(found[0]).items() if key != "stated"}
    storage.write(
        bucket,
        naming.contract_object(table),
        json.dumps(kept).encode(),
        generation=found[1],
        content_type="application/json",
    )


def test_marks_of_numbers_and_dates_come_from_the_table_file(cloud: Cloud) -> None:
    rules = {
        "decimal": ",",
        "thousands": ".",
        "null": ["", "k.A."],
        "formats": {"day": "%d.%m.%Y"},
        "columns": {"day": "date", "amount": "decimal(12,2)", "note": "text"},
    }
    cloud.configure("german", sync_mode="append", csv=rules)

    run = cloud.drop("german/1.csv", b'day;amount;note\n02.01.2024;1.234,50;""\n;k.A.;\n')

    assert run.state is RunState.COMMITTED, run
    assert cloud.target("SELECT day, amount::text, note FROM german ORDER BY day") == [
        (date(2024, 1, 2), "1234.50", ""),
        (None, None, None),
    ]


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.csv", content)
    return buffer.getvalue()


def test_packed_files_are_read_as_they_are(cloud: Cloud) -> None:
    cloud.configure("packed", sync_mode="append", csv={})

    runs = [
        cloud.drop("packed/1.csv.gz", gzip.compress(b"id,name\n1,a\n")),
        cloud.drop("packed/2.zip", zipped(b"id,name\n2,b\n")),
        cloud.drop("packed/3.csv", b"id,name\n3,c\n"),
    ]

    assert [run.state for run in runs] == [RunState.COMMITTED] * 3
    assert cloud.target("SELECT * FROM packed ORDER BY id") == [(1, "a"), (2, "b"), (3, "c")]


def test_half_an_archive_is_refused(cloud: Cloud) -> None:
    cloud.configure("halved", sync_mode="append", csv={})
    content = zipped(b"id,name\n" + b"1,a\n" * 9999)

    run = cloud.drop("halved/1.zip", content[: len(content) // 2])

    assert run.state is RunState.QUARANTINED
    assert run.failure is not None
    assert "ends in the middle" in run.failure.message
