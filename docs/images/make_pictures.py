# ruff: noqa: INP001 - a program beside its picture, no package
"""Draws the pictures of the documents: what `smartmeter watch` shows of a virtual meter, at a fixed time.

    python docs/images/make_pictures.py

The same program gives the same picture, byte by byte, and the picture asks nothing of any server.
"""

import io
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from smartmeter.cli.table import values_table
from smartmeter.live import LatestValue
from smartmeter.models import load_model
from smartmeter.simulator import VirtualMeter
from smartmeter.simulator.meter import INSTALLED_S

PICTURE = Path(__file__).with_name("watch.svg")
METER = "house"
MODEL = "SDM530"
SEED = 1
MOMENT = datetime(2026, 6, 21, 17, 30, 10, tzinfo=UTC)
AGE_S = 2
# Width to height of a character in the first fonts below: where a viewer passes over textLength, lines still meet.
FONT_ASPECT_RATIO = 0.602
WIDTH = 87
MICROSECONDS = 1_000_000

# Rich's own frame names fonts on a server; this one takes what the reader has.
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="smartmeter watch">
<style>
.{unique_id}-matrix {{
    font-family: "DejaVu Sans Mono", Menlo, "Liberation Mono", Consolas, monospace;
    font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width;
}}
.{unique_id}-title {{ font-family: "DejaVu Sans", Arial, sans-serif; font-size: 18px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


def draw() -> str:
    """The picture as SVG."""
    # The table shows the reader's own time; the picture's reader lives in UTC.
    os.environ["TZ"] = "UTC"
    time.tzset()
    read_us = round(MOMENT.timestamp()) * MICROSECONDS
    values = VirtualMeter(load_model(MODEL), seed=SEED).values_at(MOMENT.timestamp() - INSTALLED_S)
    latest = {METER: {id_: LatestValue(value, read_us) for id_, value in values.items()}}
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(values_table(latest, "en", read_us + AGE_S * MICROSECONDS, WIDTH))
    svg = console.export_svg(
        title="smartmeter watch", code_format=FRAME, unique_id="watch", font_aspect_ratio=FONT_ASPECT_RATIO
    )
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
    print(f"drew {PICTURE}")
