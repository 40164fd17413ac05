"""What people see and do on the status page."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.access import Role
from shared.core.dead_letters import LetterState
from shared.core.runs import RunState
from tests.builders import a_receipt
from tests.page import seeding
from tests.page.conftest import PHONE, SCREENSHOTS, Visitor
from tests.unit.api.world import NOW, World

RUN, REJECTING = seeding.newest_flights(), seeding.rejecting_run()
RUNNING = seeding.running_run()

VIEWS = {
    "overview": "",
    "tables": "tables",
    "table": "tables/flights",
    "runs": "runs",
    "run": f"runs/flights/{RUN.run_id}",
    "running": f"runs/flights/{RUNNING.run_id}",
    "quarantine": "quarantine",
    "rejected": f"quarantine/feedback/{REJECTING.run_id}",
    "letters": "letters",
    "sweep": "sweep",
    "costs": "costs",
    "audit": "audit/flights",
    "keys": "keys",
    "new": "edit",
    "change": "edit/orders",
}

STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

BY_WIDTH = ("target-size", "scrollable-region-focusable", "meta-viewport")
"""Rules that may find another thing where there is less room."""


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_accessible_fits_and_is_kept_as_a_picture(
    visitor: Visitor, axe: str, view: str
) -> None:
    page = visitor.open(VIEWS[view])
    page.get_by_text("Looking …").wait_for(state="hidden")
    page.evaluate(axe)

    keep(page, f"{view}-light")
    assert violations(page, {"runOnly": STANDARDS}) == []
    page.emulate_media(color_scheme="dark")
    keep(page, f"{view}-dark")
    assert violations(page, {"runOnly": ["color-contrast"]}) == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    keep(page, f"{view}-phone")
    assert violations(page, {"runOnly": BY_WIDTH}) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(_CUT_OFF) == []


def test_a_table_that_never_loaded_is_not_praised_and_its_failure_is_seen(
    visitor: Visitor,
) -> None:
    page = visitor.open()

    tile = page.locator("[data-key='Tables on time']")
    tile.wait_for()

    assert (tile.get_attribute("data-kind"), tile.locator(".big").inner_text()) == ("bad", "2 of 4")
    assert f"not loaded yet: {seeding.NEVER_LOADED}" in tile.inner_text()
    last = page.locator(f"[data-key='last-{seeding.NEVER_LOADED}'] .pill")
    assert (last.inner_text(), last.get_attribute("data-kind")) == ("failed", "bad")
    page = visitor.open(f"tables/{seeding.NEVER_LOADED}")
    page.get_by_text("no success yet").wait_for()
    assert page.locator(".head .pill").all_inner_texts() == ["waiting", "failed"]


def test_a_table_shows_its_runs_by_change(changing: Visitor) -> None:
    ahead = replace(RUN, run_id=f"20300101T000000Z-{'a' * 12}", updated_at=NOW - timedelta(days=2))
    changing.world.record(ahead)

    page = changing.open("tables/flights")
    page.locator("table.list .row").first.wait_for()

    shown = page.locator("table.list .row .name").all_inner_texts()
    assert shown.index(RUNNING.run_id) == 0
    assert shown.index(ahead.run_id) == len(shown) - 1


def test_a_running_run_shows_how_far_it_is(visitor: Visitor) -> None:
    page = visitor.open()

    bar = page.get_by_role("progressbar", name="Progress of flights")
    bar.wait_for()

    share = 100 * seeding.UNITS_DONE / seeding.UNITS
    assert bar.get_attribute("aria-valuenow") == f"{share + 0.5:.0f}"
    assert "5 of 8 units read" in page.locator(".working").inner_text()


def test_a_change_of_a_run_shows_by_itself(changing: Visitor) -> None:
    page = changing.open()
    page.get_by_role("progressbar", name="Progress of flights").wait_for()

    changing.world.services.ledger.change(
        "flights", RUNNING.run_id, lambda run: replace(run, state=RunState.STAGED)
    )
    page.locator(".working .pill", has_text="staged").wait_for()
    changing.world.services.ledger.change("flights", RUNNING.run_id, _committed)

    page.get_by_text("Nothing runs at the moment").wait_for()
    assert page.locator("main .list tbody tr").first.is_visible()


def test_a_run_is_followed_to_its_receipt(changing: Visitor) -> None:
    page = changing.open(f"runs/flights/{RUNNING.run_id}")
    page.get_by_role("progressbar").wait_for()

    changing.world.services.ledger.change("flights", RUNNING.run_id, _committed)

    page.locator(".flow .stage").first.wait_for()
    assert page.locator(".head .pill").inner_text() == "committed"
    assert page.get_by_text("the counts agree").is_visible()


def test_the_cells_to_blame_are_marked_for_eyes_and_for_ears(visitor: Visitor) -> None:
    page = visitor.open(VIEWS["rejected"])

    page.locator(".reject").first.wait_for()

    marked = [" ".join(text.split()) for text in page.locator(".cells .bad").all_inner_texts()]
    assert marked == [
        "rating five (to blame)",
        "visited_on 2024-02-31 (to blame)",
        "visited_on empty (to blame)",
    ]


def test_mended_rows_are_sent_once(changing: Visitor) -> None:
    page = changing.open(VIEWS["rejected"])

    page.get_by_text("Mend the rows, then send them").click()
    field = page.get_by_label("Rejected rows as a file")
    changing.expect(field).to_have_value(re.compile("17,Ann,five"))
    field.fill("id,name,rating,visited_on\n17,Ann,5,2024-01-03\n")
    press_twice(page, "Send the mended rows", "Send what is written here?")

    page.get_by_text("asked for", exact=True).wait_for()
    (sent,) = [s for s in changing.world.storage.history if s.info.bucket == "acme-landing"]
    assert sent.data == b"id,name,rating,visited_on\n17,Ann,5,2024-01-03\n"
    changing.complaints.clear()  # the browser logs that the new run is not there yet


def test_rows_of_any_encoding_are_mended_and_go_back_in_it(changing: Visitor) -> None:
    run = seeding.rejecting_in_japanese(changing.world)
    page = changing.open(f"quarantine/feedback/{run.run_id}")

    page.get_by_text("Mend the rows, then send them").click()
    field = page.get_by_label("Rejected rows as a file")
    changing.expect(field).to_have_value(re.compile(seeding.JAPANESE[0]))
    field.fill(field.input_value().replace("five", "5"))
    press_twice(page, "Send the mended rows", "Send what is written here?")

    page.get_by_text("asked for", exact=True).wait_for()
    (sent,) = [s for s in changing.world.storage.history if s.info.bucket == "acme-landing"]
    mended = f"{seeding.HEADER}\n{seeding.JAPANESE[0].replace('five', '5')}\n"
    assert sent.data == mended.encode("shift_jis")
    changing.complaints.clear()  # the browser logs that the new run is not there yet


def test_a_button_does_nothing_at_the_first_press(changing: Visitor) -> None:
    page = changing.open("letters")

    page.get_by_role("button", name="Drop", exact=True).click()
    page.get_by_role("button", name="Drop it for good?").wait_for()
    before = changing.world.services.dead_letters.find(seeding.LETTER_ID)
    page.get_by_role("button", name="Drop it for good?").click()

    page.get_by_text("None wait.").wait_for()
    after = changing.world.services.dead_letters.find(seeding.LETTER_ID)
    assert before
    assert after
    assert (before.state, after.state) == (LetterState.OPEN, LetterState.DROPPED)


def test_whoever_may_only_look_is_told_so(visitor: Visitor) -> None:
    page = visitor.open("tables/flights", Role.READ)

    press_twice(page, "Run now", "Run it?")

    page.locator("#toast.shown").wait_for()
    assert "has the role read, and this takes operate" in page.locator("#toast").inner_text()
    visitor.complaints.clear()  # the browser logs the refusal


def test_all_of_it_is_reached_by_the_keyboard(visitor: Visitor) -> None:
    page = visitor.open()

    seen: list[str] = []
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(_FOCUSED))
        assert page.evaluate(_IS_RINGED), f"no ring around {seen[-1]}"

    assert seen[0] == "Skip to content"
    for name in ("Overview", "Runs", "Quarantine", "Audit", "Change between light and dark"):
        assert any(text.startswith(name) for text in seen), (name, seen)


def test_a_view_that_was_opened_by_enter_has_the_focus(visitor: Visitor) -> None:
    page = visitor.open("tables")

    page.locator("a.name", has_text="flights").focus()
    page.keyboard.press("Enter")

    page.get_by_role("heading", name="flights", level=1).wait_for()
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_focus_stays_where_it_was_when_the_view_is_drawn_anew(changing: Visitor) -> None:
    page = changing.open()
    page.get_by_role("progressbar", name="Progress of flights").wait_for()
    link = page.locator(".working a")
    link.focus()

    changing.world.services.ledger.change(
        "flights", RUNNING.run_id, lambda run: replace(run, state=RunState.STAGED)
    )
    page.locator(".working .pill", has_text="staged").wait_for()

    assert page.evaluate("document.activeElement.dataset.key") == RUNNING.run_id


def test_the_key_leaves_the_address_and_is_forgotten_on_leaving(visitor: Visitor) -> None:
    page = visitor.open()

    address = page.url
    page.get_by_role("button", name="Forget the key").click()

    page.get_by_label("This page shows what a key may read").wait_for()
    assert "sluice_" not in address
    assert page.evaluate("sessionStorage.length") == 0


def test_the_audit_trail_opens_on_a_table_that_has_one(visitor: Visitor) -> None:
    page = visitor.open("audit")

    page.locator(".event").first.wait_for()

    heading = page.get_by_role("heading", level=2).inner_text()
    assert heading == page.get_by_label("Table").input_value()


def test_an_address_without_a_view_says_so(visitor: Visitor) -> None:
    page = visitor.open("tabels")

    page.get_by_role("heading", name="No such view", level=1).wait_for()

    assert "#/tabels" in page.locator(".view").inner_text()


def test_nothing_comes_from_elsewhere(browser: Any, filled: World) -> None:
    asked: list[str] = []
    visitor = Visitor(browser, filled)
    visitor.page.on("request", lambda request: asked.append(request.url))

    for view in ("", "runs", "costs"):
        visitor.open(view)
    visitor.close()

    root = f"http://127.0.0.1:{filled.port}/"
    assert {url for url in asked if not url.startswith(root)} == set()


def keep(page: Any, name: str) -> None:
    """Keep a picture of the page."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def violations(page: Any, options: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the rules of axe that something on the page breaks, and what it is."""
    found = page.evaluate("options => axe.run(options)", options)
    return [(v["id"], [n["target"] for n in v["nodes"]]) for v in found["violations"]]


def _committed(run: Any) -> Any:
    return replace(run, state=RunState.COMMITTED, updated_at=NOW, receipt=a_receipt())


def press_twice(page: Any, name: str, question: str) -> None:
    """Press a button, and the question that it becomes."""
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("button", name=question, exact=True).click()


_FOCUSED = """() => {
  const at = document.activeElement;
  return at.getAttribute("aria-label") ?? at.innerText;
}"""
_CUT_OFF = """() => [...document.querySelectorAll("table.list td, .pill, main time")]
  .filter((node) => node.getBoundingClientRect().right > innerWidth)
  .map((node) => node.textContent)"""
_IS_RINGED = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""
