"""Resolved tables in the config bucket, over Google's own client and the emulator."""

import json
from collections.abc import Iterator

import pytest

from shared.audit import AuditLog
from shared.config.store import Changes, ConfigStore
from shared.config.tables import ResolvedTable
from shared.errors import ConflictError, IntegrityError, UnknownTableError
from shared.storage import ABSENT, Storage
from tests.builders import table_data
from tests.storage_server import bucket_at, serving

BUCKET = "acme-config"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an emulator in this process."""
    with serving(tmp_path_factory.mktemp("gcs")) as address:
        yield address


@pytest.fixture
def storage(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """Return the product's own storage, with an empty config bucket."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)
    with bucket_at(endpoint, BUCKET) as found:
        yield found


@pytest.fixture
def store(storage: Storage) -> ConfigStore:
    return ConfigStore(storage, BUCKET, AuditLog(storage, BUCKET))


def resolved(name: str, schedule: str = "manual") -> ResolvedTable:
    return ResolvedTable.model_validate(
        {
            "environment": "test",
            "table": table_data(name=name, schedule=schedule, lag="5m", compression=True),
            "connections": {"postgres": {"host": "h"}},
        }
    )


def test_table_comes_back_as_it_was_with_its_generation(store: ConfigStore) -> None:
    assert store.put(resolved("flights"))

    found, generation = store.get("flights")

    assert found == resolved("flights")
    assert generation > ABSENT


def test_connection_that_a_table_does_not_use_is_no_difference(store: ConfigStore) -> None:
    store.put(resolved("flights"))
    unused = {"sqlserver": {"host": "h"}, "bigquery": {"project": "acme-data", "location": "EU"}}
    given = {"connections": {"postgres": {"host": "h"}, **unused}}
    more = ResolvedTable.model_validate(resolved("flights").model_dump(by_alias=True) | given)

    assert not store.put(more)
    assert more.connections.postgres
    assert not more.connections.sqlserver


def test_same_table_again_is_not_written(store: ConfigStore) -> None:
    store.put(resolved("flights"))
    _, generation = store.get("flights")

    assert not store.put(resolved("flights"))
    assert store.get("flights")[1] == generation


def test_changed_table_has_a_new_generation(store: ConfigStore) -> None:
    store.put(resolved("flights"))
    _, before = store.get("flights")

    assert store.put(resolved("flights", schedule="daily"))

    found, after = store.get("flights")
    assert found.table.schedule == "daily"
    assert after > before


def test_table_that_an_older_release_spelled_out_otherwise_is_not_written(
    store: ConfigStore, storage: Storage
) -> None:
    document = resolved("flights").model_dump(mode="json", by_alias=True, exclude_unset=True)
    data = json.dumps(document).encode()
    storage.write(
        BUCKET, "tables/flights.json", data, generation=ABSENT, content_type="application/json"
    )

    assert not store.put(resolved("flights"))


@pytest.mark.parametrize(("mode", "is_written"), [("full", False), ("incremental", True)])
def test_lag_of_nothing_that_an_older_release_wrote_is_a_difference_for_a_merge_alone(
    store: ConfigStore, mode: str, *, is_written: bool
) -> None:
    rules = {"sync_mode": mode, "incremental_column": "c" if mode == "incremental" else None}
    for lag, expected in (("0s", True), (None, is_written), (None, False)):
        table = ResolvedTable.model_validate(
            {
                "environment": "test",
                "table": table_data(**rules, lag=lag),
                "connections": {"postgres": {"host": "h"}},
            }
        )
        assert store.put(table) == expected


def test_table_that_was_stored_before_a_rule_about_its_sense_is_read(
    store: ConfigStore, storage: Storage
) -> None:
    document = resolved("flights").model_dump(mode="json", by_alias=True)
    document["table"]["checks"] = [{"check": "range", "column": "a", "min": 5, "max": 1}]
    data = json.dumps(document).encode()
    storage.write(
        BUCKET, "tables/flights.json", data, generation=ABSENT, content_type="application/json"
    )

    assert store.get("flights")[0].table.checks[0].title == "range(a)"


def test_deployment_writes_what_differs_and_deletes_what_is_gone(store: ConfigStore) -> None:
    store.deploy([resolved("flights"), resolved("weather"), resolved("planes")])
    _, before = store.get("flights")

    changes = store.deploy(
        [resolved("flights"), resolved("weather", schedule="daily"), resolved("airports")]
    )

    assert changes == Changes(added=("airports",), changed=("weather",), removed=("planes",))
    assert store.names() == ["airports", "flights", "weather"]
    assert store.get("flights")[1] == before


def test_names_are_those_of_all_tables(store: ConfigStore) -> None:
    for name in ("weather", "flights"):
        store.put(resolved(name))

    assert store.names() == ["flights", "weather"]


def test_unknown_table_is_refused_with_the_known_ones(store: ConfigStore) -> None:
    store.put(resolved("flights"))

    with pytest.raises(UnknownTableError) as refused:
        store.get("flihgts")

    assert refused.value.message == (
        "no table 'flihgts' is configured; known: flights; did you mean flights? "
        "Add it to the table files and deploy the configuration"
    )
    assert refused.value.facts == {"table": "flihgts"}


@pytest.mark.parametrize("name", ["", "../flights", "Flights", "flights\n", "a/b"])
def test_what_can_be_no_table_is_not_even_looked_for(store: ConfigStore, name: str) -> None:
    with pytest.raises(UnknownTableError, match="known: none"):
        store.get(name)


def test_damaged_table_is_refused_with_its_object(store: ConfigStore, storage: Storage) -> None:
    storage.write(
        BUCKET, "tables/flights.json", b"{", generation=ABSENT, content_type="application/json"
    )

    with pytest.raises(IntegrityError, match=r"tables/flights\.json is not a valid ResolvedTable"):
        store.get("flights")


def test_second_first_writer_loses(storage: Storage, store: ConfigStore) -> None:
    store.put(resolved("flights"))

    with pytest.raises(ConflictError):
        storage.write(
            BUCKET, "tables/flights.json", b"{}", generation=ABSENT, content_type="text/plain"
        )
