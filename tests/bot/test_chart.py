"""Charts as the bot asks for them: drawn by a process apart, from a real journal, or not."""

import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

from smartmeter.bot import chart as chart_module
from smartmeter.bot import chart_process
from smartmeter.bot.chart import ChartError, ChartOrder, draw_chart
from tests.reports.made_up import IMPORT, at, history_of, steadily

# The process is nice to all others: where the tests have every core busy it takes long.
pytestmark = pytest.mark.timeout(240)

BEGIN_US, END_US = at(2026, 6, 1), at(2026, 6, 2)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A day in which the voltage makes a step."""
    path = tmp_path_factory.mktemp("chart") / "smartmeter.db"
    noon_us = (BEGIN_US + END_US) // 2
    readings = steadily(BEGIN_US, END_US)
    history_of(
        path, [(time_us, values | {"voltage_l1": 220.0 + 20 * (time_us >= noon_us)}) for time_us, values in readings]
    )
    return path


@pytest.fixture(scope="module")
def order(path):
    def order(from_us=BEGIN_US, until_us=END_US, measurand="voltage_l1", journal=path):
        return ChartOrder(journal, "house", measurand, from_us, until_us, "Europe/Berlin", "de")

    return order


@pytest.mark.parametrize(
    ("changes", "figures", "unit"),
    [
        ({}, (220.0, 230.0, 240.0), "V"),
        ({"measurand": IMPORT}, pytest.approx((1.2, 1.2, 1.2)), "kWh"),
        ({"from_us": at(2026, 5, 1), "until_us": at(2026, 5, 2)}, (None, None, None), "V"),
    ],
    ids=["value", "counter", "empty"],
)
async def test_a_picture_and_its_figures(order, changes, figures, unit):
    chart = await draw_chart(order(**changes))
    assert (chart.minimum, chart.mean, chart.maximum) == figures
    assert chart.values_unit == unit
    image = Image.open(io.BytesIO(chart.png))
    assert (image.format, image.size) == ("PNG", (1280, 720))
    assert len(chart.png) < 300_000


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"measurand": "voltage_l9"}, "is no measurand"), ({"until_us": BEGIN_US}, "must end after it begins")],
)
async def test_what_cannot_be_drawn(order, changes, error):
    with pytest.raises(ChartError, match=error):
        await draw_chart(order(**changes))


async def test_no_journal(order, tmp_path):
    with pytest.raises(ChartError, match="there is no journal"):
        await draw_chart(order(journal=tmp_path / "none.db"))


def program(code):
    return sys.executable, "-c", code


async def test_no_matplotlib(order, monkeypatch):
    code = "import sys; sys.modules['matplotlib'] = None; import smartmeter.bot.chart_process as c; sys.exit(c.main())"
    monkeypatch.setattr(chart_module, "COMMAND", program(code))
    with pytest.raises(ChartError, match=r"^charts need matplotlib; install it: make extras$"):
        await draw_chart(order())


@pytest.mark.parametrize(
    ("code", "error", "logged"),
    [
        ("raise RuntimeError('all is lost')", "has failed; the log", "(exit 1): RuntimeError: all is lost"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by a signal", "(exit -9): it said nothing"),
        ("print('what?')", "gave no answer", "(no answer): it said nothing"),
        ("print('[]')", "gave no answer", "(no answer): it said nothing"),
    ],
)
async def test_the_child_fails(order, monkeypatch, caplog, code, error, logged):
    monkeypatch.setattr(chart_module, "COMMAND", program(code))
    with pytest.raises(ChartError, match=error):
        await draw_chart(order())
    assert logged in caplog.text


async def test_the_child_cannot_be_started(order, monkeypatch):
    monkeypatch.setattr(chart_module, "COMMAND", ("/nowhere/python",))
    with pytest.raises(ChartError, match="cannot be started: No such file"):
        await draw_chart(order())


@pytest.fixture
def sleeper(monkeypatch, tmp_path):
    """A child that never answers and writes its number to this file."""
    file = tmp_path / "pid"
    code = f"import os, time; open({str(file) + '~'!r}, 'w').write(str(os.getpid()))"
    code += f"; os.rename({str(file) + '~'!r}, {str(file)!r}); time.sleep(600)"
    monkeypatch.setattr(chart_module, "COMMAND", program(code))
    return file


def assert_gone(file):
    """Neither running nor a zombie."""
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


async def test_a_child_that_takes_too_long_is_ended(order, sleeper, monkeypatch):
    monkeypatch.setattr(chart_module, "TIME_LIMIT_S", 0.5)
    with pytest.raises(ChartError, match=r"not ready within 0\.5 s"):
        await draw_chart(order())
    assert_gone(sleeper)


async def test_a_child_ends_with_the_task_that_wants_it(order, sleeper):
    task = asyncio.create_task(draw_chart(order()))
    async with asyncio.timeout(10):
        while not sleeper.exists():  # noqa: ASYNC110 - the child knows nothing of tests
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert_gone(sleeper)


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_the_child_steps_back(order, tmp_path):
    code = (
        "import os, pathlib, runpy\ntry: runpy.run_module('smartmeter.bot.chart_process', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE, open('/proc/self/oom_score_adj').read())"
    )
    changes = {"journal": str(tmp_path / "none.db")}
    question = json.dumps({**asdict(order()), **changes}).encode()
    done = subprocess.run(program(code), input=question, capture_output=True, check=True)
    answer, steps = done.stdout.decode().splitlines()[:2]
    assert "there is no journal" in json.loads(answer)["error"]
    nice, is_idle, score = steps.split()
    assert (nice, is_idle) == ("19", "True")
    assert int(score) >= 500
    assert done.stderr == b""


def test_matplotlib_gets_a_place_to_write_to(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    writable = {"HOME": str(tmp_path / "home")}
    chart_process.use_writable_directory(writable)
    assert "MPLCONFIGDIR" not in writable
    for _ in range(2):
        locked = {"HOME": "/proc/none"}
        chart_process.use_writable_directory(locked)
        assert locked["MPLCONFIGDIR"] == str(tmp_path / f"smartmeter-matplotlib-{os.getuid()}")
    Path(locked["MPLCONFIGDIR"]).rmdir()
    Path(locked["MPLCONFIGDIR"]).symlink_to(tmp_path)
    locked = {"HOME": "/proc/none"}
    chart_process.use_writable_directory(locked)
    assert Path(locked["MPLCONFIGDIR"]).is_dir()
    assert not Path(locked["MPLCONFIGDIR"]).is_symlink()


def test_the_daemon_imports_little():
    code = "import sys, smartmeter.bot.chart; print(*sys.modules)"
    done = subprocess.run(program(code), capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    heavy = ("matplotlib", "numpy", "sqlite3", "smartmeter.history", "smartmeter.journal", "smartmeter.reports")
    assert [module for module in modules if module.startswith(heavy)] == []
