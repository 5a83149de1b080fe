"""docs/configuration.md says what is so: every key, its default, and examples that load."""

import re
import tomllib
from pathlib import Path

import pytest

from smartmeter.settings.durations import InvalidDurationError, parse_duration
from smartmeter.settings.file import (
    BusTable,
    FastTable,
    JournalTable,
    MeterTable,
    PostgresqlTable,
    SettingsFile,
    SshTable,
)
from smartmeter.settings.load import load_settings
from smartmeter.settings.shape import keys_of

TEXT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
TABLES = {
    "Top level": SettingsFile,
    "`[[bus]]`": BusTable,
    "`[[bus.meter]]`": MeterTable,
    "`[journal]`": JournalTable,
    "`[postgresql]`": PostgresqlTable,
    "`[postgresql.ssh]`": SshTable,
    "`[fast]`": FastTable,
}


def rows(heading):
    """The cells of the rows below a heading, by key."""
    section = re.split(r"^##", TEXT.split(f"\n### {heading}")[1], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [re.split(r" \| ?", line.strip("| ")) for line in section.splitlines() if line.startswith("| `")]
    return {line[0].strip("`"): line[1:] for line in lines}


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_is_described_and_no_other(heading):
    assert list(rows(heading)) == list(keys_of(TABLES[heading]))


@pytest.mark.parametrize("heading", TABLES)
def test_the_defaults_are_the_real_ones(heading):
    shape = TABLES[heading]
    names = keys_of(shape)
    for key, (_, default, *_) in rows(heading).items():
        field = shape.model_fields[names[key]]
        required = bool(field.json_schema_extra.get("required"))
        assert (default == "*required*") == required, key
        if isinstance(field.default, str | int) and not required:
            stated = tomllib.loads(f"x = {default.strip('`')}")["x"]
            assert field.default in (stated, duration_us(stated)), key


def duration_us(value):
    try:
        return parse_duration(value)
    except InvalidDurationError:
        return None


@pytest.mark.parametrize("heading", TABLES)
def test_the_examples_are_right(heading):
    shape = TABLES[heading]
    for key, (*_, example) in rows(heading).items():
        if example.startswith("`"):
            shape.model_validate({key: tomllib.loads(f"x = {example.strip('`')}")["x"]})


def test_the_examples_load(tmp_path):
    examples = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        path = tmp_path / "smartmeter.toml"
        path.write_text(example, "utf-8")
        assert load_settings(path).buses
