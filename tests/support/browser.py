"""A real browser without a network, for pages that must need nothing but themselves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
WIDTHS = {"desk": 1280, "phone": 390}
"""CSS pixels."""

READ_TABLES = """() => [...document.querySelectorAll("table")].filter(t => t.checkVisibility())
    .map(t => [t.caption.innerText, [...t.rows].map(r => [...r.cells].map(c => c.innerText))])"""

READ_CHARTS = """() => [...document.querySelectorAll("svg")].filter(s => s.checkVisibility())
    .map(s => {
    const all = what => [...s.querySelectorAll(what)]
    const box = one => one.getBoundingClientRect().toJSON()
    return {
        title: s.getAttribute("aria-label"),
        box: box(s),
        texts: all("text").map(t => ({said: t.textContent, box: box(t)})),
        lines: all("polyline").map(l => [...l.points].map(p => [p.x, p.y])),
        grid: all("line.grid").map(l => l.y1.baseVal.value),
        bars: all("rect").map(r => r.width.baseVal.value),
    }})"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """For a module, not the session: while it runs this thread has an event loop."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(
            f"no browser here, none of {', '.join(PROGRAMS)}; install (Debian names): "
            "apt-get install chromium-headless-shell"
        )
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@dataclass(slots=True)
class Opened:
    """`asked_for`: every address, the page's own first. `complaints`: errors and warnings of the
    console, requests that failed, and what scripts raised."""

    page: Page
    asked_for: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def tables(self) -> dict[str, list[list[str]]]:
        """What is on show, by caption: rows of cells, heads first."""
        return dict(self.page.evaluate(READ_TABLES))

    def charts(self) -> list[dict[str, Any]]:
        """What is on show: boxes in CSS pixels, the rest in the chart's own units."""
        found: list[dict[str, Any]] = self.page.evaluate(READ_CHARTS)
        return found


@contextmanager
def opened(browser: Browser, path: Path, width: str = "desk") -> Iterator[Opened]:
    """The page as it is once it has loaded."""
    viewport = {"width": WIDTHS[width], "height": 800}
    context = browser.new_context(offline=True, viewport=viewport)
    try:
        seen = Opened(context.new_page())
        seen.page.on("request", lambda request: seen.asked_for.append(request.url))
        seen.page.on("requestfailed", lambda request: seen.complaints.append(request.url))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("console", lambda message: seen.complaints.append(message.text))
        seen.page.goto(path.as_uri(), wait_until="networkidle")
        yield seen
    finally:
        context.close()
