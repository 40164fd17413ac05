"""The environment: what must be there, what may be, and what is refused by name."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import settings
from shared.errors import InvalidConfigError
from shared.settings import (
    BUCKETS,
    BUDGET_S,
    DIRECT_BYTES,
    LEASE_S,
    TOPICS,
    UNIT_BYTES,
    UNIT_PARTS,
    UNIT_ROWS,
    Settings,
)

REQUIRED = {"SLUICE_PROJECT": "acme", "SLUICE_PREFIX": "acme-dev"}


def test_two_variables_are_enough() -> None:
    assert Settings.from_environment(REQUIRED) == Settings(
        project="acme",
        prefix="acme-dev",
        secrets_endpoint=None,
        storage_emulator=None,
        lease_s=LEASE_S,
        budget_s=BUDGET_S,
        unit_rows=UNIT_ROWS,
        unit_bytes=UNIT_BYTES,
        unit_parts=UNIT_PARTS,
        direct_bytes=DIRECT_BYTES,
        code_version="dev",
    )


def test_every_variable_is_read() -> None:
    environ = REQUIRED | {
        "SLUICE_SECRETS_ENDPOINT": "http://127.0.0.1:1",
        "SLUICE_LEASE_S": "1.5",
        "SLUICE_BUDGET_S": "30",
        "SLUICE_UNIT_ROWS": "10",
        "SLUICE_UNIT_BYTES": "20",
        "SLUICE_UNIT_PARTS": "3",
        "SLUICE_DIRECT_BYTES": "40",
        "SLUICE_STUCK_S": "4",
        "SLUICE_MAX_NUDGES": "5",
        "SLUICE_LOST_S": "6",
        "SLUICE_ORPHAN_S": "7",
        "SLUICE_COLLECT_S": "8",
        "SLUICE_CODE_VERSION": "1.2.3",
        "STORAGE_EMULATOR_HOST": "http://127.0.0.1:2",
    }

    found = Settings.from_environment(environ)

    assert found.secrets_endpoint == "http://127.0.0.1:1"
    assert (found.lease_s, found.budget_s) == (1.5, 30.0)
    assert (found.unit_rows, found.unit_bytes) == (10, 20)
    assert (found.unit_parts, found.direct_bytes) == (3, 40)
    assert (found.stuck_s, found.max_nudges, found.lost_s) == (4.0, 5, 6.0)
    assert (found.orphan_s, found.collect_s) == (7.0, 8.0)
    assert found.code_version == "1.2.3"
    assert found.storage_emulator == "http://127.0.0.1:2"


def test_revision_of_cloud_run_is_the_version_unless_another_is_given() -> None:
    environ = REQUIRED | {"K_REVISION": "load-00042"}

    assert Settings.from_environment(environ).code_version == "load-00042"
    environ["SLUICE_CODE_VERSION"] = "1.2.3"
    assert Settings.from_environment(environ).code_version == "1.2.3"


def test_empty_variable_is_as_good_as_none() -> None:
    names = ("SECRETS_ENDPOINT", "LEASE_S", "BUDGET_S", "UNIT_ROWS", "CODE_VERSION")

    found = Settings.from_environment(REQUIRED | {f"SLUICE_{name}": "" for name in names})

    assert found == Settings.from_environment(REQUIRED)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, ""])
def test_missing_variable_is_refused_with_where_it_comes_from(name: str, value: str | None) -> None:
    environ = {k: v for k, v in (REQUIRED | {name: value}).items() if v is not None}

    with pytest.raises(InvalidConfigError, match=f"{name} is not set; .* `sluice local env`"):
        Settings.from_environment(environ)


@pytest.mark.parametrize("name", ["SLUICE_LEASE_S", "SLUICE_BUDGET_S"])
@pytest.mark.parametrize("value", ["a minute", "60s", "0", "-1", "nan", "inf", "1e999"])
def test_what_is_no_time_span_is_refused_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidConfigError, match=f"{name}='{value}' is not a number of seconds"):
        Settings.from_environment(REQUIRED | {name: value})


@pytest.mark.parametrize(
    "name", ["SLUICE_UNIT_ROWS", "SLUICE_UNIT_BYTES", "SLUICE_UNIT_PARTS", "SLUICE_DIRECT_BYTES"]
)
@pytest.mark.parametrize("value", ["many", "0", "-1", "1.5", "1e6", "1_000"])
def test_what_is_no_number_of_things_is_refused_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidConfigError, match=f"{name}='{value}' is not a whole number above 0"):
        Settings.from_environment(REQUIRED | {name: value})


@given(st.text())
def test_any_time_span_is_positive_or_refused(value: str) -> None:
    try:
        lease_s = Settings.from_environment(REQUIRED | {"SLUICE_LEASE_S": value}).lease_s
    except InvalidConfigError:
        return

    assert 0 < lease_s < float("inf")


def test_buckets_and_topics_are_named_by_prefix() -> None:
    found = Settings.from_environment(REQUIRED)

    assert [found.bucket(b) for b in BUCKETS] == [
        "acme-dev-landing",
        "acme-dev-raw",
        "acme-dev-staging",
        "acme-dev-quarantine",
        "acme-dev-state",
        "acme-dev-config",
        "acme-dev-audit",
    ]
    assert [found.topic(t) for t in TOPICS] == [
        "projects/acme/topics/acme-dev-extract",
        "projects/acme/topics/acme-dev-ingest",
        "projects/acme/topics/acme-dev-load",
        "projects/acme/topics/acme-dev-sweep",
    ]


def test_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLUICE_PROJECT", raising=False)
    monkeypatch.delenv("SLUICE_STATE", raising=False)
    assert not settings.is_configured()
    assert settings.state_dir() is None

    for name, value in (REQUIRED | {"SLUICE_STATE": "somewhere"}).items():
        monkeypatch.setenv(name, value)

    assert settings.is_configured()
    assert str(settings.state_dir()) == "somewhere"
    assert Settings.from_environment().project == "acme"


def test_adopted_variables_are_where_other_libraries_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLUICE_TEST_ADOPTED", raising=False)

    settings.adopt({"SLUICE_TEST_ADOPTED": "yes"})

    assert os.environ.pop("SLUICE_TEST_ADOPTED") == "yes"
