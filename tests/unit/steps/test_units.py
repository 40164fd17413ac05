"""Units put together: only those of the run's own plan, and only if no row is missing."""

from dataclasses import replace

import pytest

from shared.core import naming
from shared.core.plans import Plan, Unit
from shared.core.runs import RunState
from shared.errors import IntegrityError
from shared.steps.units import go_on
from tests.builders import a_part, a_plan
from tests.unit.steps.lake import Lake

COUNTED = 20


@pytest.fixture
def lake() -> Lake:
    return Lake()


def planned(lake: Lake, attempt: str = "a2") -> Plan:
    """Plan a run of two units."""
    run, plan = lake.run(RunState.EXTRACTING), a_plan(2)
    manifest = replace(
        plan.manifest, run_id=run.run_id, table="people", attempt=attempt, rows_source=COUNTED
    )
    return lake.services.manifests.create_plan(replace(plan, manifest=manifest))


def create(lake: Lake, plan: Plan, number: int, *, rows: int, of: str) -> Unit:
    manifest = plan.manifest
    part = a_part(name=f"parts/people/{manifest.run_id}/{of}/{number}", rows=rows)
    unit = Unit(parts=(part,), rows_source=rows, plan=of)
    return lake.services.manifests.create_unit("people", manifest.run_id, str(number), unit)


@pytest.mark.parametrize("of", ["a2", ""], ids=["of this release", "of an earlier release"])
def test_units_that_have_all_rows_become_the_manifest(lake: Lake, of: str) -> None:
    plan = planned(lake)
    for number in (0, 1):
        create(lake, plan, number, rows=COUNTED // 2, of=of)

    manifest = go_on(plan, lake.services, by="a2")

    assert manifest is not None
    assert manifest.rows_staged == COUNTED


def test_units_without_all_rows_that_were_counted_are_refused(lake: Lake) -> None:
    plan = planned(lake)
    create(lake, plan, 0, rows=10, of="a2")
    create(lake, plan, 1, rows=9, of="")

    with pytest.raises(IntegrityError, match=r"counted 20 rows of people .* have 19 together"):
        go_on(plan, lake.services, by="a2")

    assert not lake.names("staging", "manifests/")


def test_outcome_of_an_earlier_plan_is_asked_for_again_and_replaced(lake: Lake) -> None:
    plan = planned(lake)
    create(lake, plan, 0, rows=10, of="a1")
    create(lake, plan, 1, rows=10, of="a2")

    assert go_on(plan, lake.services, by="a2") is None

    (asked,) = lake.services.bus.sent  # type: ignore[attr-defined]
    assert b'"unit":"0"' in asked.data.replace(b" ", b"")
    assert create(lake, plan, 0, rows=10, of="a2").plan == "a2"
    assert create(lake, plan, 0, rows=11, of="a2").rows_source == 10
    assert go_on(plan, lake.services, by="a2")
    assert lake.names("staging", naming.units_prefix("people", plan.manifest.run_id))
