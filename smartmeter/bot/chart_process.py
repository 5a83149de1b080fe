"""The process that draws one chart: `python -m smartmeter.bot.chart_process`, started by `smartmeter.bot.chart`.

The order comes as JSON by standard input. The answer goes to standard output: a line of JSON with either the values or
an error's text, and after it the picture as PNG. Whatever else goes wrong ends it with a traceback.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

if __name__ == "__main__":
    # At once: the imports take as long as the drawing. Measuring goes first, and when memory runs out this goes first.
    with suppress(OSError):
        os.nice(19)
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with suppress(OSError, ValueError):
            score = Path("/proc/self/oom_score_adj")
            score.write_text(str(max(500, int(score.read_text("ascii")))), "ascii")

import asyncio
import importlib
import json
import tempfile
from collections.abc import Mapping, MutableMapping
from typing import Any

from smartmeter.bot.chart import Chart, ChartError, ChartOrder
from smartmeter.bot.chart_history import bars_of, curve_of
from smartmeter.bot.chart_picture import picture
from smartmeter.bot.chart_values import Bars, Curve, figures_of
from smartmeter.errors import SmartmeterError
from smartmeter.journal.history import JournalHistory
from smartmeter.measurands import Measurand, measurands


def main() -> int:
    """Draw what standard input asks for."""
    try:
        chart = _drawn(_order(json.load(sys.stdin)))
    except SmartmeterError as error:
        _answer({"error": str(error)})
        return 0
    values = {"minimum": chart.minimum, "mean": chart.mean, "maximum": chart.maximum, "values_unit": chart.values_unit}
    _answer(values, chart.png)
    return 0


def _answer(line: Mapping[str, object], png: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(line).encode() + b"\n" + png)
    sys.stdout.buffer.flush()


def _order(asked: Any) -> ChartOrder:  # noqa: ANN401 - JSON
    return ChartOrder(**{**asked, "journal": Path(asked["journal"])})


def _drawn(order: ChartOrder) -> Chart:
    measurand = measurands().get(order.measurand)
    if measurand is None:
        raise ChartError(f"{order.measurand!r} is no measurand; smartmeter models lists them")
    if order.from_us >= order.until_us:
        raise ChartError("a chart's span must end after it begins")
    use_writable_directory(os.environ)
    try:
        importlib.import_module("matplotlib")
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise ChartError("charts need matplotlib; install it: make extras") from None
    data = asyncio.run(_read(order, measurand))
    figures = figures_of(data)
    return Chart(picture(order, measurand, data), figures.minimum, figures.mean, figures.maximum, measurand.unit_symbol)


async def _read(order: ChartOrder, measurand: Measurand) -> Curve | Bars:
    history = JournalHistory(order.journal)
    try:
        return await (bars_of(history, order) if measurand.kind == "counter" else curve_of(history, order))
    finally:
        await history.close()


def use_writable_directory(environment: MutableMapping[str, str]) -> None:
    """Have matplotlib keep its list of fonts where it may write: making it takes seconds, and it warns.

    A service has often no home that it may write to. It gets one directory for all its charts until the next boot.
    """
    if "MPLCONFIGDIR" in environment:
        return
    home = Path(environment.get("HOME", "/"))
    bases = [home / ".matplotlib"]
    if sys.platform == "linux":
        bases = [
            Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "matplotlib",
            Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "matplotlib",
        ]
    if all(map(_is_writable, bases)):
        return
    own = Path(tempfile.gettempdir()) / f"smartmeter-matplotlib-{os.getuid()}"
    with suppress(OSError):
        own.mkdir(mode=0o700, exist_ok=True)
    # Anyone may make a directory of this name there.
    is_ours = own.is_dir() and not own.is_symlink() and own.stat().st_uid == os.getuid() and _is_writable(own)
    environment["MPLCONFIGDIR"] = str(own) if is_ours else tempfile.mkdtemp(prefix="smartmeter-matplotlib-")


def _is_writable(directory: Path) -> bool:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(directory, os.W_OK)


if __name__ == "__main__":
    sys.exit(main())
