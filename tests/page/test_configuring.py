"""What people change on the status page beside runs: tables, keys, and when a sweep comes."""

import json
from datetime import timedelta
from typing import Any

from shared.core.access import Role
from shared.operations import tables
from tests.builders import table_data
from tests.page import seeding
from tests.page.conftest import Visitor
from tests.page.test_page import STANDARDS, keep, press_twice, violations
from tests.unit.api.world import NOW


def written(page: Any, **changes: Any) -> None:
    """Change keys of the table that is written in the editor; None takes one out."""
    field = page.get_by_label("Configuration as JSON")
    config = json.loads(field.input_value()) | changes
    field.fill(json.dumps({k: v for k, v in config.items() if v is not None}, indent=2))


def test_a_table_is_created_once_it_is_valid(changing: Visitor, axe: str) -> None:
    page = changing.open("edit")

    written(page, name="invoices", schedule="someday", postgres={"table": "invoices"})
    press_twice(page, "Create", "Create it?")
    page.get_by_text("1 problem").wait_for()
    keep(page, "problem-light")
    page.evaluate(axe)
    broken = violations(page, {"runOnly": STANDARDS})
    page.get_by_role("button", name="schedule", exact=True).click()
    chosen = page.evaluate("getSelection().toString()")
    before = "invoices" in changing.world.services.config.names()
    written(page, schedule="daily")
    press_twice(page, "Create", "Create it?")

    page.get_by_role("heading", name="invoices", level=1).wait_for()
    assert broken == []
    assert (before, chosen) == (False, "schedule")
    found = changing.world.services.config.get("invoices")[0].table
    assert found.schedule == "daily"


def test_what_is_no_json_or_no_table_is_told(changing: Visitor) -> None:
    page = changing.open("edit")

    for text, told in (('{"name": ', "This is no JSON"), ("[]", "This is no table")):
        page.get_by_label("Configuration as JSON").fill(text)
        page.get_by_role("button", name="Check").click()
        page.get_by_text(told).wait_for()


def test_a_change_that_somebody_else_was_faster_with_is_told_and_not_written_over(
    changing: Visitor, axe: str
) -> None:
    world = changing.world
    page = changing.open("edit/orders")
    first = page.get_by_label("Configuration as JSON")
    changing.expect(first).not_to_have_value("")
    before = world.services.config.get("orders")[1]
    theirs = table_data(name="orders", postgres={"table": "orders"}, schedule="hourly")
    tables.put(world.services, theirs, "bob", before)

    written(page, schedule="daily")
    press_twice(page, "Save", "Change it?")
    page.get_by_text("Somebody else has changed the table").wait_for()
    keep(page, "conflict-light")
    page.evaluate(axe)
    broken = violations(page, {"runOnly": STANDARDS})
    kept = world.services.config.get("orders")[0].table.schedule
    page.get_by_role("button", name="Read it anew").click()
    assert json.loads(first.input_value())["schedule"] == "hourly"
    written(page, schedule="daily", time_zone="Europe/Prague")
    changing.complaints.clear()  # the browser logs the refusal
    press_twice(page, "Save", "Change it?")

    page.get_by_role("heading", name="orders", level=1, exact=True).wait_for()
    assert broken == []
    assert kept == "hourly"
    assert world.services.config.get("orders")[0].table.time_zone == "Europe/Prague"


def test_a_table_of_the_files_is_shown_and_not_changed(visitor: Visitor) -> None:
    page = visitor.open("edit/flights")

    page.get_by_text("flights is in the table files").wait_for()

    assert not page.get_by_label("Configuration as JSON").is_editable()
    assert page.get_by_role("button", name="Save").count() == 0


def test_a_key_is_shown_once_and_opens_nothing_once_it_is_revoked(
    changing: Visitor, axe: str
) -> None:
    world = changing.world
    page = changing.open("keys")

    page.get_by_text("Make a key").click()
    page.get_by_label("for", exact=True).fill("Grafana")
    page.get_by_role("button", name="Make it").click()
    key = page.get_by_label("It is shown this once").input_value()
    opened = world.call("/api/v1/tables", None, authorization=f"Bearer {key}").status
    keep(page, "key-light")
    page.evaluate(axe)
    broken = violations(page, {"runOnly": STANDARDS})
    row = page.locator("tr", has_text="Grafana")
    row.get_by_role("button", name="Revoke").click()
    row.get_by_role("button", name="Revoke it for good?").click()

    row.wait_for(state="detached")
    assert broken == []
    assert opened == 200
    assert world.call("/api/v1/tables", None, authorization=f"Bearer {key}").status == 401
    assert key not in page.content().replace(key, "", 1)


def test_a_sweep_is_asked_for_and_shown_when_it_has_ended(changing: Visitor) -> None:
    world = changing.world
    page = changing.open("sweep")

    press_twice(page, "Sweep now", "Ask for a sweep?")
    page.get_by_text("A sweep was asked for").wait_for()
    seeding.swept(world, seeding.a_report(NOW + timedelta(seconds=1)))

    page.get_by_text("The sweep has ended").wait_for()
    assert [sent.topic for sent in world.bus.sent] == [world.services.settings.topic("sweep")]
    assert page.get_by_text("Nothing does.").is_visible()


def test_whoever_may_not_see_keys_is_told_which_role_may(visitor: Visitor) -> None:
    page = visitor.open("keys", Role.OPERATE)

    said = page.locator(".alarm").inner_text()

    assert "has the role operate, and this takes admin" in said
    visitor.complaints.clear()  # the browser logs the refusal
