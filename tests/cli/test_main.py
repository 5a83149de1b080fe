"""The front door: help, errors, and the three ways of starting the same program."""

import ast
import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import smartmeter.cli
from smartmeter import __version__
from smartmeter.cli.main import COMMANDS, main

ROOT = Path(smartmeter.__file__).parents[1]
STARTER = ROOT / "smartmeter.py"
INSTALLED = Path(sys.executable).with_name("smartmeter")
PATIENCE_S = 20


def run(*command, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("env", {})
    return subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment,
        **options,
    )


def status_of(*arguments):
    """The exit status, also where argparse ends the program itself."""
    try:
        return main(arguments)
    except SystemExit as ended:
        return ended.code


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command, capsys):
    assert status_of(command, "--help") == 0
    usage, _, examples = capsys.readouterr().out.partition("examples:\n")
    assert usage.startswith(f"usage: smartmeter {command} ")
    assert f"  smartmeter {command}" in examples


def test_a_command_is_a_file_with_main():
    modules = {name for _, name, _ in pkgutil.iter_modules(smartmeter.cli.__path__)}
    with_main = {
        name
        for name in modules
        if {"add_arguments", "main"}
        <= {node.name for node in _functions(Path(smartmeter.cli.__path__[0], f"{name}.py").read_text("utf-8"))}
    }
    assert with_main == COMMANDS.keys()


def _functions(source):
    return [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_the_help_lists_every_command(arguments, capsys):
    assert status_of(*arguments) == 0
    help_text = capsys.readouterr().out
    for command, text in COMMANDS.items():
        assert f"  {command}" in help_text
        assert text in help_text


def test_an_unknown_command_is_answered_with_the_known_ones(capsys):
    assert status_of("raed") == 2
    errors = capsys.readouterr().err
    assert "raed" in errors
    assert all(command in errors for command in COMMANDS)
    assert "Traceback" not in errors


def test_the_version(capsys):
    assert status_of("--version") == 0
    assert capsys.readouterr().out == f"smartmeter {__version__}\n"


def test_an_error_is_one_line_and_status_1(capsys):
    assert main(["read", "--port", "/dev/there-is-none"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("smartmeter: /dev/there-is-none: there is no such port")


def test_every_mistake_in_the_settings_is_one_line(tmp_path, capsys):
    settings = tmp_path / "smartmeter.toml"
    settings.write_text('[[bus]]\nport = 7\n[[bus.meter]]\nmodel = "SDM531"\naddress = 300\n')
    assert main(["read", "-c", str(settings)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"smartmeter: {settings}: bus[1].") for line in lines)


def test_who_has_seen_enough_ends_it_without_complaint():
    command = f"'{sys.executable}' -m smartmeter models SDM630 | head -n 1"
    done = run("/bin/sh", "-c", command, cwd=ROOT)
    assert done.stdout.startswith("Eastron SDM630")
    assert done.stderr == ""


WAYS = {
    "starter": (sys.executable, STARTER),
    "module": (sys.executable, "-m", "smartmeter"),
    "installed": (INSTALLED,),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_starting_is_the_same_program(way, tmp_path, capsys):
    if way == "installed" and not INSTALLED.exists():
        if os.environ.get("SMARTMETER_TEST_REQUIRE_ALL") == "1":
            pytest.fail(f"{INSTALLED} is not there; install with: make setup")
        pytest.skip("the program is not installed in this environment")
    done = run(*WAYS[way], "models", cwd=tmp_path)
    assert main(["models"]) == 0
    assert (done.returncode, done.stdout, done.stderr) == (0, capsys.readouterr().out, "")
    failed = run(*WAYS[way], "models", "SDM999", cwd=tmp_path)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("smartmeter: unknown meter model 'SDM999'")


@pytest.mark.parametrize("way", ["starter", "module"])
@pytest.mark.parametrize("arguments", [(), ("-c", "smartmeter_cfg.toml")])
def test_without_a_command_it_is_the_daemon(way, arguments, tmp_path):
    settings = tmp_path / "smartmeter_cfg.toml"
    settings.write_text("[modbus]\nserial_if = 5\n")
    done = run(*WAYS[way], *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert "smartmeter: smartmeter_cfg.toml: modbus.serial_if: must be" in done.stderr


@pytest.fixture
def lone_starter(tmp_path):
    """The starter where no library is, run by a Python that finds none."""
    shutil.copy(STARTER, tmp_path)

    def start(*arguments):
        return run(sys.executable, "-I", "-S", tmp_path / "smartmeter.py", *arguments, cwd=tmp_path)

    return start


def test_without_the_libraries_the_starter_says_how_to_install_them(lone_starter, tmp_path):
    done = lone_starter("read")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"smartmeter: its libraries are missing; install them with: make -C {tmp_path} setup\n"


def test_the_starter_uses_the_environment_beside_it(lone_starter, tmp_path):
    own_python = tmp_path / ".venv" / "bin" / "python"
    own_python.parent.mkdir(parents=True)
    own_python.write_text('#!/bin/sh\necho "$@"\n')
    own_python.chmod(0o755)
    done = lone_starter("read", "--json")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'smartmeter.py'} read --json\n")


def test_an_old_python_can_read_the_starter_to_be_told_that_it_is_old():
    ast.parse(STARTER.read_text("utf-8"), feature_version=(3, 6))
