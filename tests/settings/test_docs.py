"""docs/configuration.md says what is so: every key, its default, and examples that load."""

import re
import tomllib
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from smartmeter.energy.tariff import base_cost, import_price
from smartmeter.periods import from_local
from smartmeter.settings.alarm_file import AlarmTable
from smartmeter.settings.durations import InvalidDurationError, parse_duration
from smartmeter.settings.file import (
    AppriseTable,
    BusTable,
    FastTable,
    JournalTable,
    MeterTable,
    PostgresqlTable,
    SettingsFile,
    SshTable,
    TelegramTable,
    WebTable,
)
from smartmeter.settings.load import load_settings
from smartmeter.settings.shape import keys_of
from smartmeter.settings.tariff_file import TariffTable, TimeTable, parse_time_of_day

TEXT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
TABLES = {
    "Top level": SettingsFile,
    "`[[bus]]`": BusTable,
    "`[[bus.meter]]`": MeterTable,
    "`[[tariff]]`": TariffTable,
    "`[[tariff.time]]`": TimeTable,
    "`[journal]`": JournalTable,
    "`[postgresql]`": PostgresqlTable,
    "`[postgresql.ssh]`": SshTable,
    "`[[alarm]]`": AlarmTable,
    "`[telegram]`": TelegramTable,
    "`[apprise]`": AppriseTable,
    "`[web]`": WebTable,
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
        if isinstance(field.default, str | int | float) and not required:
            stated = tomllib.loads(f"x = {default.strip('`')}")["x"]
            assert field.default in (stated, duration_us(stated), minutes(stated)), key


def duration_us(value):
    try:
        return parse_duration(value)
    except InvalidDurationError:
        return None


def minutes(value):
    try:
        return parse_time_of_day(value)
    except ValueError:
        return None


@pytest.mark.parametrize("heading", TABLES)
def test_the_examples_are_right(heading):
    shape = TABLES[heading]
    for key, (*_, example) in rows(heading).items():
        if example.startswith("`"):
            shape.model_validate({key: tomllib.loads(f"x = {example.strip('`')}")["x"]})


def examples(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_examples_load(tmp_path):
    smallest, full, tariffs, hourly, alarms = examples("toml")
    [prices] = examples("csv")
    (tmp_path / "prices.csv").write_text(prices, "utf-8")
    path = tmp_path / "smartmeter.toml"
    for example in (smallest, full, full + tariffs, full + hourly, full + alarms):
        path.write_text(example, "utf-8")
        assert load_settings(path).buses


def test_the_tariffs_of_the_examples_cost_what_is_said(tmp_path):
    _, full, fixed, hourly, _ = examples("toml")
    (tmp_path / "prices.csv").write_text(examples("csv")[0], "utf-8")
    path = tmp_path / "smartmeter.toml"
    zone = ZoneInfo("Europe/Berlin")

    def at(text):
        return from_local(datetime.fromisoformat(text).replace(tzinfo=zone))

    path.write_text(full + fixed, "utf-8")
    tariffs = load_settings(path).tariffs
    found = {
        text: import_price(tariffs, "house", at(f"2026-{text}"), zone)
        # 4 July 2026 is a Saturday.
        for text in (
            *("06-30T21:45", "06-30T23:45", "07-01T00:00", "07-03T21:45"),
            *("07-04T12:00", "07-05T12:00", "07-06T05:45", "07-06T06:00", "07-06T22:00"),
        )
    }
    assert list(found.values()) == [0.34, 0.27, 0.29, 0.36, 0.29, 0.29, 0.29, 0.36, 0.29]
    assert base_cost(tariffs, "house", at("2026-07-01"), at("2026-08-01"), zone) == 11.5
    assert round(base_cost(tariffs, "house", at("2026-07-05"), at("2026-07-15"), zone), 2) == 3.71
    path.write_text(full + hourly, "utf-8")
    tariffs = load_settings(path).tariffs
    assert import_price(tariffs, "house", at("2026-01-01T01:30"), zone) == pytest.approx(0.0985 + 0.18)
    assert import_price(tariffs, "house", at("2026-01-01T03:00"), zone) is None
