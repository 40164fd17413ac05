"""The status page in a real browser, in front of an API whose cloud is in memory."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.core.access import Role
from tests.page import seeding
from tests.unit.api.world import NOW, World

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Programs that will do; SLUICE_BROWSER names another one."""

ARGUMENTS = (
    "--no-sandbox",  # Chromium refuses to run as root otherwise
    "--disable-gpu",
    "--disable-quic",
    "--disable-component-update",
    "--disable-sync",
)

AXE = Path("build/axe/node_modules/axe-core/axe.min.js")

SCREENSHOTS = Path("build/page")

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}

TIMEOUT_MS = 30_000

MISSING = "not installed: {}; `make browser` brings it"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start a browser; tests that want one are skipped where there is none.

    It goes with a module's last test: Playwright holds the thread's event loop while it lives.
    """
    driver = pytest.importorskip("playwright.sync_api", reason=MISSING.format("Playwright"))
    found = os.environ.get("SLUICE_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(MISSING.format("Chromium"))
    with driver.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the text of axe-core."""
    if not AXE.exists():
        pytest.skip(MISSING.format("axe-core"))
    return AXE.read_text()


@pytest.fixture(scope="module")
def filled() -> Iterator[World]:
    """Serve an API with something of everything; for tests that only look."""
    started = World.start()
    started.context.calls._burst = 10**9
    seeding.fill(started)
    yield started
    started.stop()


class Visitor:
    """Somebody who looks at the page of a world."""

    def __init__(self, browser: Any, world: World, **options: Any) -> None:
        self.world = world
        self._context = browser.new_context(viewport=DESK, locale="en-GB", **options)
        self._context.set_default_timeout(TIMEOUT_MS)
        self.page = self._context.new_page()
        self.page.clock.install(time=NOW)
        self.complaints: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, view: str = "", role: Role = Role.ADMIN) -> Any:
        """Open a view with the key of a role, and return the page."""
        root = f"http://127.0.0.1:{self.world.port}/"
        if self.page.url == "about:blank":
            self.page.goto(f"{root}#key={self.world.keys[role]}")
        self.page.evaluate("view => { location.hash = `#/${view}`; }", view)
        self.page.locator("#main[aria-busy=false] .view").wait_for()
        return self.page

    @staticmethod
    def expect(locator: Any) -> Any:
        """Wait until something on the page is as expected."""
        from playwright.sync_api import expect

        expect.set_options(timeout=TIMEOUT_MS)
        return expect(locator)

    def close(self) -> None:
        """Leave."""
        self._context.close()

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
def visitor(browser: Any, filled: World) -> Iterator[Visitor]:
    """Look at a world with something of everything; nothing may be logged as an error."""
    visitor = Visitor(browser, filled)
    yield visitor
    visitor.close()
    assert visitor.complaints == []


@pytest.fixture
def changing(browser: Any) -> Iterator[Visitor]:
    """Look at a world of one's own, to change it."""
    world = World.start()
    seeding.fill(world)
    visitor = Visitor(browser, world)
    yield visitor
    visitor.close()
    world.stop()
    assert visitor.complaints == []
