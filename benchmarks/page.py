"""How light and how quick the page is: its weight, the time until it shows values, and until a year is drawn.

A browser of this machine (Chromium, by Playwright) opens the page of the daemon, which reads a virtual meter into a
journal with a year of 21 values, rolled up.

    python benchmarks/page.py [--times N]

Bars: 150 kB compressed; first values within 500 ms; a year drawn within 300 ms after it was asked for.
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lib.year import FINE_US, MODEL, QUARTER_US, daemon, fill
from playwright.sync_api import Browser, Page, sync_playwright

from smartmeter.modbus.line import SerialFormat
from smartmeter.simulator import VirtualLine, VirtualMeter

LINE = SerialFormat(19200, 8, "E", 1)
TURNAROUND_S = 0.020
PAGE_BAR_KB, VALUES_BAR_MS, YEAR_BAR_MS = 150.0, 500.0, 300.0
PATIENCE_S = 20.0
# Notes the moment at which the card first has a figure, and at which a chart is drawn anew.
WATCH = """
window.firstValue = 0;
new MutationObserver(() => {
    if (!window.firstValue && document.querySelector('article .figure')?.textContent.match(/[0-9]/))
        requestAnimationFrame(() => { window.firstValue = performance.now(); });
}).observe(document, {childList: true, subtree: true, characterData: true});
"""
WEIGHT = """
[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]
    .filter(entry => !entry.name.includes('/api/')).reduce((sum, entry) => sum + entry.encodedBodySize, 0)
"""
# From the press of the button until the frame after the answer was drawn.
YEAR = """
() => new Promise(resolve => {
    const began = performance.now();
    const plots = document.querySelector('.plots');
    new MutationObserver((_, observer) => {
        if (plots.getAttribute('aria-busy')) return;
        observer.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
    }).observe(plots, {attributes: true, attributeFilter: ['aria-busy']});
    [...document.querySelectorAll('button')].find(button => button.textContent === 'Year').click();
})
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=7, help="how often each is done, default 7; the median counts")
    times = parser.parse_args().times
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("there is no Chromium; on Debian: sudo apt install chromium", file=sys.stderr)
        return 1
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="smartmeter-benchmark-") as name, sync_playwright() as playwright:
        path = Path(name) / "smartmeter.db"
        fill(path, int(time.time()) * 1_000_000 // QUARTER_US * QUARTER_US)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with (
            VirtualLine(LINE, [VirtualMeter(MODEL)], turnaround_s=TURNAROUND_S) as line,
            daemon(path.parent, Path(line.path), FINE_US / 1e6) as (_, port),
        ):
            url = f"http://127.0.0.1:{port}"
            print(f"Chromium {browser.version}")
            opened = [first_values(browser, url) for _ in range(times)]
            drawn = [year(browser, url) for _ in range(times)]
        browser.close()
    held = [
        judged("weight at first, compressed", max(weight for weight, _ in opened) / 1000, PAGE_BAR_KB, "kB"),
        judged("weight with the charts of history", max(weight for weight, _ in drawn) / 1000, PAGE_BAR_KB, "kB"),
        judged("first values after navigation begins", statistics.median(ms for _, ms in opened), VALUES_BAR_MS, "ms"),
        judged("a year drawn after it was asked for", statistics.median(ms for _, ms in drawn), YEAR_BAR_MS, "ms"),
    ]
    return 0 if all(held) else 1


def opened_page(browser: Browser, url: str) -> Page:
    """A page in a browser that has never seen it."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(url)
    return page


def first_values(browser: Browser, url: str) -> tuple[int, float]:
    """The bytes over the line, and the milliseconds until a value stood on the screen."""
    page = opened_page(browser, url)
    until(page, "window.firstValue")
    found = page.evaluate(WEIGHT), page.evaluate("window.firstValue")
    page.context.close()
    return found


def year(browser: Browser, url: str) -> tuple[int, float]:
    """The bytes over the line, and the milliseconds from the press of the button until a year is drawn."""
    page = opened_page(browser, f"{url}/#/history?meter=house&span=day")
    until(page, "document.querySelector('.plots canvas') && !document.querySelector('[aria-busy=true]')")
    drawn_ms = page.evaluate(YEAR)
    found = page.evaluate(WEIGHT), drawn_ms
    page.context.close()
    return found


def until(page: Page, expression: str) -> None:
    """Return when this is true in the page."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression):
        if time.monotonic() > give_up_s:
            raise SystemExit(f"the page never came to this: {expression}")
        page.wait_for_timeout(10)


def judged(what: str, value: float, bar: float, unit: str) -> bool:
    """Print what was measured against its bar; whether it is held."""
    print(f"{what}: {value:.0f} {unit} (bar {bar:g} {unit}): {'held' if value <= bar else 'missed'}")
    return value <= bar


if __name__ == "__main__":
    sys.exit(main())
