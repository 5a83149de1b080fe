"""Imports run down the table of docs/architecture.md and never up; what a command does not need is not imported."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import smartmeter

PACKAGE = Path(smartmeter.__file__).parent
ROOT = PACKAGE.parent
HEAVY = ("pydantic", "psycopg", "asyncssh", "rich", "asyncio", "sqlite3")


def layers():
    """The parts of the package by the table "The house", from the top down, each with its row."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = text.partition("\n## The house\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    return {
        part.removesuffix("/").removesuffix(".py"): number
        for number, row in enumerate(rows)
        for part in re.findall(r"`([a-z_/.]+)`", row)
    }


def part_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_parts(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("smartmeter."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "smartmeter":
            yield from (name.name for name in node.names if name.name != "__version__")
        elif isinstance(node, ast.Import):
            yield from (name.name.split(".")[1] for name in node.names if name.name.startswith("smartmeter."))


def test_the_table_names_every_part():
    parts = {part_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert layers().keys() == parts


def test_imports_run_down():
    rows = layers()
    upwards = [
        f"{path.relative_to(ROOT)} imports {part}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if (own := part_of(path)) not in ("__init__", "__main__")
        for part in imported_parts(path)
        if part != own and rows[part] < rows[own]
    ]
    assert upwards == []


@pytest.mark.parametrize(("one", "other"), [("modbus", "journal"), ("journal", "modbus")])
def test_lines_and_journal_know_nothing_of_each_other(one, other):
    assert other not in {part for path in (PACKAGE / one).rglob("*.py") for part in imported_parts(path)}


def imports_of(code):
    """The heavy libraries that running the code imports."""
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return {library for library in HEAVY if library in done.stdout.split()}


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import smartmeter.cli.main", set()),
        ("import smartmeter.cli.run", {"asyncio"}),
        ("import smartmeter.daemon", {"asyncio", "sqlite3"}),
        ("import smartmeter.settings.load", {"pydantic"}),
        ("import smartmeter.sinks.postgresql", {"asyncio", "sqlite3", "psycopg"}),
    ],
)
def test_nothing_heavy_is_imported_unasked(code, allowed):
    assert imports_of(code) <= allowed
