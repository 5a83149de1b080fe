"""What docs/adding_a_meter.md shows, done."""

import shlex
import subprocess
import sys
import tomllib

import pytest

from smartmeter.models import definition, setup_definition
from smartmeter.settings.own_models import load_own_model
from tests.fixtures.documents import ROOT, blocks

DOCUMENT = ROOT / "docs" / "adding_a_meter.md"
SHOWN = [block for block in blocks("toml", "console", "text") if block.document == DOCUMENT]
TOML = [block.text for block in SHOWN if block.kind == "toml"]
CHECK, TRY, REAL = (block.text.splitlines() for block in SHOWN if block.kind == "console")
[CHECKED] = (block.text for block in SHOWN if block.kind == "text")
PATIENCE_S = 20


@pytest.fixture
def files(tmp_path):
    """The files that the document shows, each where it says, in an empty directory."""
    (tmp_path / "models").mkdir()
    for text in TOML:
        name = tomllib.loads(text)["name"]
        (tmp_path / "models" / f"{name}.toml").write_text(text)
    return tmp_path


def program(line, port):
    words = shlex.split(line)
    assert words[0] == "smartmeter"
    return [sys.executable, "-m", "smartmeter", *(str(port) if word == "/tmp/meter" else word for word in words[1:])]


def run(line, files):
    done = subprocess.run(
        program(line, files / "meter"),
        cwd=files,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_files_have_no_mistakes(files):
    names = [load_own_model(path).name for path in sorted((files / "models").iterdir())]
    assert names == ["SDM630-OLD", "WZ3", "X96-SET"]


def test_the_check_prints_what_is_shown(files):
    [line] = CHECK
    assert run(line, files) == CHECKED


def test_the_virtual_meter_is_read(files):
    simulate, read = TRY
    with subprocess.Popen(
        program(simulate, files / "meter"), cwd=files, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert "read it with" in process.stdout.readline()
            output = run(read, files)
        finally:
            process.terminate()
    assert "wz3_1: WZ3 at address 1, 6 values" in output
    assert "Voltage L1" in output
    assert "no value" not in output


def test_the_real_one_is_read_by_the_same_words():
    [line] = REAL
    assert line.startswith("smartmeter read --port /dev/ttyUSB0 --model WZ3 ")


def test_every_key_is_described():
    text = DOCUMENT.read_text("utf-8").partition("## Every key")[2]
    keys = {
        *(*definition.KEYS, *definition.SERIAL_KEYS, *definition.LIMIT_KEYS, "registers", "address", "measurand"),
        *(*setup_definition.PARAMETER_KEYS, *setup_definition.UNLOCK_KEYS, *setup_definition.SET_MODE_KEYS),
    }
    assert [key for key in keys if f"`{key}`" not in text and f"`[{key}]`" not in text] == []
