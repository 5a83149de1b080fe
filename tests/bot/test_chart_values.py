"""What curves and bars come to, and where a line has holes."""

import pytest

from smartmeter.bot.chart_values import Bar, Bars, Curve, Figures, Stretch, figures_of, unbroken


def stretches(*spans):
    return [Stretch(start_us, end_us, 1, 230.0, 229.0, 231.0) for start_us, end_us in spans]


def test_the_mean_of_a_curve_is_weighted_by_time():
    curve = Curve([Stretch(0, 30, 5, 10.0, 8.0, 11.0), Stretch(30, 40, 5, 20.0, 19.0, 26.0)], 30, 0)
    assert figures_of(curve) == Figures(8.0, 12.5, 26.0)


def test_a_steady_value_has_no_mean_beside_it():
    curve = Curve([Stretch(n, n + 1, 1, 0.1, 0.1, 0.1) for n in range(3)], 1, 0)
    assert figures_of(curve) == Figures(0.1, 0.1, 0.1)


def test_only_whole_bars_count():
    bars = [Bar(0, 1, 2.0, 0.0, whole=True), Bar(1, 2, 4.0, 0.0, whole=True), Bar(2, 3, 0.5, 0.0, whole=False)]
    assert figures_of(Bars(bars, "1h")) == Figures(2.0, 3.0, 4.0)


@pytest.mark.parametrize("data", [Curve((), 1, 0), Bars((), "1h"), Bars([Bar(0, 1, 2.0, 2.0, whole=False)], "1h")])
def test_nothing_comes_to_nothing(data):
    assert figures_of(data) == Figures()


def test_a_hole_is_longer_than_what_is_bridged():
    curve = Curve(stretches((0, 10), (10, 20), (25, 35), (41, 51)), 10, 5)
    assert [[stretch.start_us for stretch in run] for run in unbroken(curve)] == [[0, 10, 25], [41]]


def test_an_empty_curve_has_no_runs():
    assert list(unbroken(Curve((), 10, 5))) == []
