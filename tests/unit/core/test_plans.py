"""Plans: a run cut into units, which are found, finished and put together in any order."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.checks import Breach, Observed
from shared.core.plans import (
    Plan,
    Slice,
    Unit,
    UnloadedFile,
    assemble,
    find_slice,
    grouped,
    open_units,
    read_from_files,
)
from shared.core.receipts import Point
from shared.errors import IntegrityError
from shared.wire import from_json, to_json
from tests.builders import a_manifest, a_part, a_plan

MAX_FANOUT = 3


def a_leaf(name: str) -> Unit:
    return Unit(parts=(a_part(name=name), a_part(name=f"{name}b")), rows_source=20, query_id=name)


def work_off(plan: Plan, choices: list[tuple[int, int]]) -> dict[str, Unit]:
    """Do open units in the order that the choices say, cutting some of them again."""
    done: dict[str, Unit] = {}
    for which, fanout in choices:
        names = [name for name, _ in open_units(plan, done)]
        if not names:
            break
        name = names[which % len(names)]
        cut = tuple(Slice(column="ID", after=f"{name}.{i}", upto=None) for i in range(fanout))
        done[name] = Unit(slices=cut) if fanout > 1 else a_leaf(name)
    while still_open := [name for name, _ in open_units(plan, done)]:
        done[still_open[-1]] = a_leaf(still_open[-1])
    return done


WORK = st.builds(
    lambda slices, choices: (a_plan(slices), choices),
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, MAX_FANOUT)), max_size=8),
)


def test_units_of_a_new_plan_are_all_open_in_order() -> None:
    plan = a_plan(3)

    assert list(open_units(plan, {})) == [
        ("0", plan.slices[0]),
        ("1", plan.slices[1]),
        ("2", plan.slices[2]),
    ]


def test_unit_that_was_cut_again_is_open_in_its_slices() -> None:
    plan = a_plan(2)
    cut = a_plan(2).slices

    still_open = dict(open_units(plan, {"0": Unit(slices=cut), "0.1": a_leaf("0.1")}))

    assert still_open == {"0.0": cut[0], "1": plan.slices[1]}


@given(WORK)
def test_every_open_unit_is_found_by_its_name(work: tuple[Plan, list[tuple[int, int]]]) -> None:
    plan, choices = work
    done = work_off(plan, choices)
    for name in list(done):
        if name in done and not done[name].slices:
            del done[name]

    assert all(find_slice(plan, done, name) == piece for name, piece in open_units(plan, done))


@pytest.mark.parametrize(
    "name",
    ["", ".", "2", "-1", "00", "0.", ".0", "0.0", "0.0.0", "x", "\u0660", "1_0", "../0", "0 "],
)
def test_name_of_no_unit_finds_nothing(name: str) -> None:
    assert find_slice(a_plan(2), {"0": a_leaf("0")}, name) is None


@given(WORK, st.randoms())
def test_manifest_is_the_same_in_whatever_order_units_end(
    work: tuple[Plan, list[tuple[int, int]]], random: Any
) -> None:
    plan, choices = work
    done = work_off(plan, choices)
    shuffled = list(done.items())
    random.shuffle(shuffled)

    assert assemble(plan, dict(shuffled)) == assemble(plan, done)


@given(WORK)
def test_manifest_has_the_parts_of_all_leaves_once(
    work: tuple[Plan, list[tuple[int, int]]],
) -> None:
    plan, choices = work
    done = work_off(plan, choices)

    manifest = assemble(plan, done)

    leaves = [unit for unit in done.values() if not unit.slices]
    assert sorted(p.name for p in manifest.parts) == sorted(
        p.name for unit in leaves for p in unit.parts
    )
    assert manifest.rows_source == 20 * len(leaves)


def test_parts_stand_in_the_order_of_the_units_numbers() -> None:
    done = {str(n): Unit(parts=(a_part(name=str(n)),)) for n in (10, 9, 2)}
    done["1"] = Unit(slices=a_plan(2).slices)
    done |= {"1.1": Unit(parts=(a_part(name="1.1"),)), "1.0": Unit(parts=(a_part(name="1.0"),))}

    manifest = assemble(a_plan(11), done)

    assert [p.name for p in manifest.parts] == ["1.0", "1.1", "2", "9", "10"]


def test_manifest_keeps_the_first_query_and_all_else_of_the_plan() -> None:
    plan = a_plan(2)

    manifest = assemble(plan, {"0": Unit(), "1": a_leaf("1")})

    assert manifest == a_manifest(parts=a_leaf("1").parts, rows_source=20, query_id="1")


def test_keys_are_put_together_beside_the_rows() -> None:
    plan = a_plan(2)
    plan = replace(plan, manifest=replace(plan.manifest, key_parts=()))
    done = {"1": Unit(key_parts=(a_part(name="k1"),)), "0": a_leaf("0")}

    manifest = assemble(plan, done)

    assert [p.name for p in manifest.key_parts or ()] == ["k1"]
    assert manifest.parts == a_leaf("0").parts


def test_run_that_looks_for_no_deletes_has_no_keys() -> None:
    assert assemble(a_plan(1), {"0": a_leaf("0")}).key_parts is None


def test_run_without_rows_has_a_manifest_without_parts() -> None:
    manifest = assemble(a_plan(1), {"0": Unit()})

    assert (manifest.parts, manifest.rows_source, manifest.query_id) == ((), 0, None)


@pytest.mark.parametrize(
    "value", [a_plan(2), a_leaf("0"), Unit(), Unit(slices=a_plan(2).slices)], ids=str
)
def test_json_comes_back_as_it_was(value: Plan | Unit) -> None:
    assert from_json(type(value), to_json(value), "p") == value


@pytest.mark.parametrize("value", [a_plan(1), Unit()])
def test_another_version_is_refused(value: Plan | Unit) -> None:
    body = json.loads(to_json(value)) | {"version": 2}

    with pytest.raises(IntegrityError, match=r"p is not a valid (Plan|Unit): version: "):
        from_json(type(value), json.dumps(body).encode(), "p")


def test_what_units_saw_of_their_rows_adds_up_in_the_manifest() -> None:
    seen = Observed(
        rows=10, rows_quarantined=1, breaches={"range(a)": Breach(rows=2)}, rejects=("one",)
    )
    done = {
        "0": replace(a_leaf("0"), observed=seen),
        "1": replace(a_leaf("1"), observed=replace(seen, rejects=("two",))),
        "2": Unit(key_parts=(a_part(name="keys"),)),
    }

    manifest = assemble(a_plan(3), done)

    assert manifest.observed == Observed(
        rows=20,
        rows_quarantined=2,
        breaches={"range(a)": Breach(rows=4)},
        rejects=("one", "two"),
    )
    assert manifest.rows_rejected == 2


def a_file(number: int, rows: int) -> UnloadedFile:
    return UnloadedFile(name=f"{number}.parquet", generation=1, size_bytes=10, rows=rows)


@given(st.lists(st.integers(0, 12)), st.integers(1, 10))
def test_files_are_grouped_in_order_and_none_is_left_out(rows: list[int], limit: int) -> None:
    files = [a_file(number, each) for number, each in enumerate(rows)]

    groups = [piece.files for piece in grouped(files, limit)]

    assert [file for group in groups for file in group] == files
    assert all(len(g) == 1 or sum(file.rows for file in g) <= limit for g in groups)


def test_manifest_of_files_has_the_statement_and_what_the_source_measured() -> None:
    measured = Point(rows=5)
    slices = tuple(grouped([a_file(0, 2), a_file(1, 3)], 3))
    begun = replace(a_manifest(), parts=(), source=measured, query_id="copy")
    done = {
        str(number): replace(
            a_leaf(str(number)), query_id="copy", rows_source=rows, read=Point(rows=rows)
        )
        for number, rows in enumerate((2, 3))
    }
    plan = Plan(manifest=begun, slices=slices, unloaded=begun.schema)

    manifest = assemble(from_json(Plan, to_json(plan), "plan"), done)

    assert (manifest.query_id, manifest.source, manifest.rows_source) == ("copy", measured, 5)
    assert read_from_files(done) == measured
