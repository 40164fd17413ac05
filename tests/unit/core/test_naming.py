"""Object names: golden forms, and what counts as the name of a table."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import naming
from tests.builders import AT, RUN_ID


def test_every_object_has_its_one_name() -> None:
    names = [
        naming.config_object("flights"),
        naming.run_object("flights", RUN_ID),
        naming.manifest_object("flights", RUN_ID),
        naming.plan_object("flights", RUN_ID),
        naming.unit_object("flights", RUN_ID, "3.0"),
        naming.part_object("flights", RUN_ID, "0123456789ab", 7),
        naming.key_part_object("flights", RUN_ID, "0123456789ab", 7),
        naming.unloaded_prefix("flights", RUN_ID, "0123456789ab"),
        naming.raw_object("flights", RUN_ID, AT, "flights/2024/january.csv"),
        naming.rejects_object("flights", RUN_ID, "0123456789ab"),
    ]

    assert names == [
        "tables/flights.json",
        f"ledger/runs/flights/{RUN_ID}.json",
        f"manifests/flights/{RUN_ID}.json",
        f"plans/flights/{RUN_ID}.json",
        f"units/flights/{RUN_ID}/3.0.json",
        f"parts/flights/{RUN_ID}/0123456789ab/part-00007.parquet",
        f"parts/flights/{RUN_ID}/0123456789ab/keys-00007.parquet",
        f"unloaded/flights/{RUN_ID}/0123456789ab/",
        f"flights/dt=2024-01-31/{RUN_ID}/january.csv",
        f"flights/{RUN_ID}/0123456789ab/rejects.ndjson",
    ]


@given(st.integers(0, 99_998))
def test_parts_sort_by_number(number: int) -> None:
    first, second = (naming.part_object("t", RUN_ID, "a", n) for n in (number, number + 1))

    assert first < second


def test_run_records_of_one_table_share_a_prefix_that_no_other_table_has() -> None:
    assert naming.run_object("flights", RUN_ID).startswith(naming.runs_prefix("flights"))
    assert not naming.run_object("flights_old", RUN_ID).startswith(naming.runs_prefix("flights"))


def test_outcomes_of_a_runs_units_share_a_prefix() -> None:
    prefix = naming.units_prefix("flights", RUN_ID)

    assert naming.unit_object("flights", RUN_ID, "0").startswith(prefix)


@pytest.mark.parametrize(
    "name",
    [
        naming.plan_object("flights", RUN_ID),
        naming.unit_object("flights", RUN_ID, "3.0"),
        naming.part_object("flights", RUN_ID, "0123456789ab", 7),
        naming.manifest_object("flights", RUN_ID),
    ],
)
def test_staged_object_says_whose_it_is(name: str) -> None:
    assert naming.run_of(name) == ("flights", RUN_ID)


@pytest.mark.parametrize(
    ("name", "run"), [("", ("", "")), ("parts", ("", "")), ("parts/x", ("x", "")), ("a/", ("", ""))]
)
def test_object_that_is_not_ours_belongs_to_no_run(name: str, run: tuple[str, str]) -> None:
    assert naming.run_of(name) == run


def test_dead_letters_are_no_runs() -> None:
    name = naming.dead_letter_object("20240131T030000Z-0123456789ab")

    assert name == "ledger/dead/20240131T030000Z-0123456789ab.json"
    assert name.startswith(naming.DEAD_LETTERS)
    assert not name.startswith(naming.runs_prefix())
    assert not naming.SWEEP_REPORT.startswith(naming.runs_prefix())


def test_run_records_of_all_tables_share_a_prefix() -> None:
    assert naming.run_object("flights", RUN_ID).startswith(naming.runs_prefix())


def test_messages_without_a_table_have_run_records_that_no_table_can_have() -> None:
    assert not naming.TABLE_NAME.fullmatch(naming.NO_TABLE)


@pytest.mark.parametrize("name", ["flights", "f", "a1_b", "a" * 63])
def test_table_name_is_lower_case_letters_digits_and_underscores(name: str) -> None:
    assert naming.TABLE_NAME.fullmatch(name)


@pytest.mark.parametrize(
    "name",
    ["", "Flights", "1st", "_a", "a-b", "a b", "a/b", "..", "a.b", "ä", "a\n", "a\x00", "a" * 64],
)
def test_anything_else_is_no_table_name(name: str) -> None:
    assert not naming.TABLE_NAME.fullmatch(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [("Flights (2024)", "flights_2024"), ("2024 export", "t_2024_export"), ("Ä", "t_")],
)
def test_any_text_has_a_nearest_table_name(text: str, name: str) -> None:
    assert naming.nearest_table_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "x", RUN_ID.upper(), RUN_ID + "0", RUN_ID + "\n", "../" + RUN_ID]
)
def test_run_id_has_one_form(text: str) -> None:
    assert naming.RUN_ID.fullmatch(RUN_ID)
    assert not naming.RUN_ID.fullmatch(text)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("flights/january.csv", "flights"),
        ("flights/2024/01/january.csv", "flights"),
        ("flights/ sp ace.csv", "flights"),
        ("january.csv", None),
        ("flights/", None),
        ("/january.csv", None),
        ("", None),
        ("Flights/january.csv", None),
        ("../flights/january.csv", None),
        ("flights\n/january.csv", None),
    ],
)
def test_dropped_file_belongs_to_the_table_of_its_first_folder(
    name: str, table: str | None
) -> None:
    assert naming.landing_table(name) == table


@given(st.from_regex(naming.TABLE_NAME, fullmatch=True), st.text(min_size=1))
def test_any_file_in_a_tables_folder_belongs_to_it(table: str, rest: str) -> None:
    assert naming.landing_table(f"{table}/{rest}") == table


@given(st.text())
def test_any_object_name_has_one_answer(name: str) -> None:
    table = naming.landing_table(name)

    assert table is None or re.match(rf"{table}/.", name, re.DOTALL)


@given(name=st.text())
def test_kept_original_has_no_folders_of_its_own(name: str) -> None:
    kept = naming.raw_object("flights", RUN_ID, datetime(2024, 12, 31, tzinfo=UTC), name)

    assert kept.count("/") == 3
    assert kept.startswith(f"flights/dt=2024-12-31/{RUN_ID}/")
