"""Charts as they are drawn, looked at pixel by pixel."""

import io
from pathlib import Path

import pytest
from PIL import Image

from smartmeter.bot.chart import ChartOrder
from smartmeter.bot.chart_picture import picture
from smartmeter.bot.chart_values import Bar, Bars, Curve, Stretch
from smartmeter.measurands import measurands
from tests.reports.made_up import IMPORT, at

STEP_US, HOUR_US = 5_000_000, 3_600_000_000
BEGIN_US, END_US = at(2026, 6, 1), at(2026, 6, 2)
LINE = (0x00, 0x72, 0xB2)
SIZE = (1280, 720)
PALE = (0x99, 0xC6, 0xE0)


def drawn(data, measurand="voltage_l1", until_us=BEGIN_US + HOUR_US, meter="house"):
    order = ChartOrder(Path("none.db"), meter, measurand, BEGIN_US, until_us, "Europe/Berlin", "de")
    image = Image.open(io.BytesIO(picture(order, measurands()[measurand], data))).convert("RGB")
    assert image.size == SIZE
    return image


def curve(value, without=range(0)):
    """An hour of stretches of 5 s."""
    starts = [start_us for start_us in range(BEGIN_US, BEGIN_US + HOUR_US, STEP_US) if start_us not in without]
    return Curve([Stretch(at, at + STEP_US, 1, value(at), value(at), value(at)) for at in starts], STEP_US, 2 * STEP_US)


def day_of_bars(**odd):
    """24 bars of 1.2 kWh; the fourth is this odd one."""
    bars = [Bar(BEGIN_US + n * HOUR_US, BEGIN_US + (n + 1) * HOUR_US, 1.2, 0.0, whole=True) for n in range(24)]
    if odd:
        bars[3] = Bar(bars[3].start_us, bars[3].end_us, **odd)
    return Bars(bars, "1h")


def columns_of(image, colour=LINE):
    """The heights (counted from the top) at which the colour is, by column."""
    found = {}
    for number, pixel in enumerate(image.get_flattened_data()):
        if all(abs(one - other) < 30 for one, other in zip(pixel, colour, strict=True)):
            found.setdefault(number % SIZE[0], []).append(number // SIZE[0])
    return found


def edges_of_bars(columns):
    bars = {x for x in columns if len(columns[x]) > 300}
    return [x for x in sorted(bars) if x - 1 not in bars]


def part(columns, begin, end):
    """The columns of this part of the line's whole width, with nothing where it has none."""
    left, right = min(columns), max(columns)
    width = right - left
    return [columns.get(x, []) for x in range(round(left + begin * width), round(left + end * width) + 1)]


def test_a_step_is_low_on_the_left_and_high_on_the_right():
    columns = columns_of(drawn(curve(lambda time_us: 220.0 if time_us < BEGIN_US + HOUR_US // 2 else 240.0)))
    left, right = part(columns, 0.01, 0.48), part(columns, 0.52, 0.99)
    assert all(left)
    assert all(right)
    assert min(map(min, left)) > 500
    assert max(map(max, right)) < 300


def test_a_hole_is_not_bridged():
    columns = columns_of(drawn(curve(lambda _: 230.0, range(BEGIN_US + HOUR_US // 3, BEGIN_US + 2 * HOUR_US // 3))))
    assert all(part(columns, 0.0, 0.32))
    assert not any(part(columns, 0.35, 0.65))
    assert all(part(columns, 0.68, 1.0))


def test_a_single_point_is_seen():
    columns = columns_of(drawn(Curve([Stretch(BEGIN_US, BEGIN_US + STEP_US, 1, 230.0, 230.0, 230.0)], STEP_US, 0)))
    assert 3 <= len(columns) <= 12


def test_a_counter_as_bars():
    assert len(edges_of_bars(columns_of(drawn(day_of_bars(), IMPORT, END_US)))) == 24


def test_a_bar_that_is_not_whole_is_pale():
    image = drawn(day_of_bars(energy=1.2, gap_energy=0.0, whole=False), IMPORT, END_US)
    assert len(edges_of_bars(columns_of(image))) == 23
    assert len(edges_of_bars(columns_of(image, PALE))) == 1


def test_energy_over_a_gap_is_hatched_and_explained():
    gap = drawn(day_of_bars(energy=1.2, gap_energy=1.2, whole=False), IMPORT, END_US)
    assert len(edges_of_bars(columns_of(gap))) == 23 + 2
    # The legend stands where nothing is without a gap.
    legend = (900, 60, 1270, 125)
    assert gap.crop(legend).tobytes() != drawn(day_of_bars(), IMPORT, END_US).crop(legend).tobytes()


@pytest.mark.parametrize("data", [Curve((), STEP_US, 0), Bars((), "1h")])
def test_an_empty_span_is_a_picture_that_says_so(data):
    empty = drawn(data)
    assert columns_of(empty) == {}
    words_there = empty.convert("L").crop((320, 320, 960, 440)).point(lambda grey: 255 if grey < 160 else 0)
    assert words_there.getbbox() is not None


def test_a_long_name_fits():
    ink = drawn(curve(lambda _: 230.0), meter="a meter in the cellar of the house behind the garden " * 3).convert("L")
    margin = ink.crop((SIZE[0] - 12, 0, SIZE[0], 60))
    assert margin.getextrema() == (255, 255)
