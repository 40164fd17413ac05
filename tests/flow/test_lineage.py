"""Where rows come from, through the real functions: rows traced, runs told to a catalogue."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from google.cloud.pubsub_v1 import SubscriberClient

from shared import lineage as catalogue
from shared.core.runs import RunState
from shared.errors import InvalidConfigError, InvalidMessageError
from shared.steps import lineage, row_traces
from shared.steps.row_traces import Trace
from tests.bytes_server import parted, reply, serving
from tests.flow.cloud import Cloud

FILE = b'id,name\n1,Ann\nx,Bob\n3,"Cid\nor Sid"\n4,Dan\n'


def traces(cloud: Cloud, table: str, *texts: str) -> list[Trace]:
    return list(row_traces.trace(table, list(texts), cloud.services))


@pytest.fixture(scope="module")
def merged(cloud: Cloud) -> str:
    """Return a table of two runs, the second of which brought row 2 again."""
    cloud.source("CREATE TABLE {db}.TRACED (ID NUMBER(9,0), NAME TEXT, AT TIMESTAMP_NTZ(6))")
    cloud.source("INSERT INTO {db}.TRACED VALUES (1, 'a', SYSDATE()), (2, 'b', SYSDATE())")
    merging = {"sync_mode": "incremental", "incremental_column": "at", "lag": "0s"}
    cloud.configure("traced", **merging, primary_key=["id"])
    assert cloud.run("traced").state is RunState.COMMITTED
    cloud.source("INSERT INTO {db}.TRACED VALUES (2, 'c', SYSDATE())")
    assert cloud.run("traced").state is RunState.COMMITTED
    return "traced"


def test_row_of_a_merged_table_is_traced_to_the_run_that_brought_it_last(
    cloud: Cloud, merged: str
) -> None:
    first, second = cloud.runs(merged)

    assert [t.run.run_id for t in traces(cloud, merged, "1")] == [first.run_id]
    newest, older = traces(cloud, merged, "2")
    assert (newest.run.run_id, newest.values["name"]) == (second.run_id, "c")
    assert (older.run.run_id, older.values["name"]) == (first.run_id, "b")
    assert newest.manifest.query_id
    assert newest.part in newest.manifest.parts


def test_row_is_found_by_any_column_and_a_row_that_never_was_is_not(
    cloud: Cloud, merged: str
) -> None:
    assert [t.values["id"] for t in traces(cloud, merged, "name=a")] == [1]
    assert traces(cloud, merged, "7") == []


@pytest.mark.parametrize("texts", [[], ["1", "2"], ["colour=red"], ["one"]])
def test_words_that_name_no_row_are_refused(cloud: Cloud, merged: str, texts: list[str]) -> None:
    with pytest.raises(InvalidMessageError):
        traces(cloud, merged, *texts)


def test_row_of_a_dropped_file_is_traced_to_its_line(cloud: Cloud) -> None:
    csv = {"columns": {"id": "int64", "name": "text"}, "max_reject_percent": 50}
    cloud.configure("traced_file", csv=csv, sync_mode="append")
    run = cloud.drop("traced_file/people.csv", FILE)
    assert run.state is RunState.COMMITTED

    found = traces(cloud, "traced_file", "id=4")

    assert [(t.line, t.row_in_part) for t in found] == [(6, 2)]
    assert found[0].file
    assert found[0].file.name == "traced_file/people.csv"
    said = cloud.sluice("trace", "traced_file", "id=4")
    assert "people.csv" in said.stdout
    assert ", line 6" in said.stdout


def test_end_of_a_run_is_told_to_a_file(cloud: Cloud, merged: str, tmp_path: Path) -> None:
    place = tmp_path / "events.ndjson"
    settings = replace(cloud.services.settings, lineage=f"file://{place}")

    lineage.tell(cloud.runs(merged)[-1], replace(cloud.services, settings=settings))

    start, end = (json.loads(line) for line in place.read_text().splitlines())
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert end["inputs"][0] | {"facets": None} == {
        "namespace": "snowflake://local",
        "name": "TESTS.PUBLIC.TRACED",
        "facets": None,
    }
    fields = end["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert fields["id"]["inputFields"][0]["field"] == "ID"


def test_events_are_posted_to_an_endpoint_one_by_one(cloud: Cloud, merged: str) -> None:
    events = lineage.events(cloud.runs(merged)[0], cloud.services)

    with serving(*[reply("201 Created")] * 2) as (url, asked):
        catalogue.deliver(f"{url}/api/v1/lineage", events, cloud.services.bus)

    posted = [parted(request) for request in asked]
    assert [path for path, _, _ in posted] == ["/api/v1/lineage"] * 2
    assert [body for _, _, body in posted] == events


def test_events_are_published_with_their_type(cloud: Cloud, merged: str) -> None:
    events = lineage.events(cloud.runs(merged)[0], cloud.services)
    topic = cloud.services.settings.topic("dead-letter").replace("dead-letter", "lineage")
    cloud.services.bus._connect().create_topic(name=topic)
    subscription = topic.replace("/topics/", "/subscriptions/")
    with SubscriberClient() as client:
        client.create_subscription(name=subscription, topic=topic)

        catalogue.deliver(topic, events, cloud.services.bus)

        received = client.pull(subscription=subscription, max_messages=10).received_messages
    messages = [each.message for each in received]
    assert [message.data for message in messages] == events
    assert [message.attributes["type"] for message in messages] == ["START", "COMPLETE"]


def test_catalogue_that_is_away_stops_nothing_and_is_logged(
    cloud: Cloud, merged: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = replace(cloud.services.settings, lineage="http://127.0.0.1:9/")

    lineage.tell(cloud.runs(merged)[0], replace(cloud.services, settings=settings))

    assert [record.message for record in caplog.records] == ["lineage was not delivered"]


def test_place_that_is_none_is_named_with_those_that_are(cloud: Cloud) -> None:
    with pytest.raises(InvalidConfigError, match="projects/<project>/topics/<topic>"):
        catalogue.deliver("ftp://somewhere", [b"{}"], cloud.services.bus)
