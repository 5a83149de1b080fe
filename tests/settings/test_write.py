"""What is written loads as the same settings."""

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartmeter.energy.tariff import Tariff, TimeRule
from smartmeter.modbus.line import AsciiFormat, NetworkLine, SerialFormat
from smartmeter.models import load_model, model_names
from smartmeter.settings.durations import MAX_DURATION_US
from smartmeter.settings.load import load_settings
from smartmeter.settings.model import (
    AlarmSettings,
    BusSettings,
    FastSettings,
    JournalSettings,
    MeterSettings,
    PostgresqlSettings,
    Settings,
    SshSettings,
    TelegramSettings,
    WebSettings,
)
from smartmeter.settings.write import write_settings

DATA = Path(__file__).parent / "data"

texts = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
names = texts | st.builds("{} {}".format, texts, texts)
secrets = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=20)
identifiers = st.text("abcdefghijklmnopqrstuvwxyzäöü_\"' ", min_size=1, max_size=30).filter(
    lambda name: name == name.strip()
)
intervals_us = st.sampled_from([100_000, 1_000_000, 10_000_000, 300_000_000, 999_999_000_000]) | st.integers(
    100_000, MAX_DURATION_US
)
intervals_s = intervals_us.map(lambda interval_us: interval_us / 1_000_000)
tcp_ports = st.integers(1, 65535)


@st.composite
def paths(draw, directory):
    parts = draw(
        st.lists(texts.filter(lambda part: "/" not in part and part not in (".", "..")), min_size=1, max_size=3)
    )
    return draw(st.sampled_from([directory, Path("/"), directory.parent])).joinpath(*parts)


@st.composite
def meters(draw, name, address):
    model = load_model(draw(st.sampled_from(model_names())))
    ids = draw(
        st.lists(st.sampled_from(sorted(model.registers)), unique=True, min_size=1) | st.just(list(model.registers))
    )
    few = draw(st.lists(intervals_us, min_size=1, max_size=3))
    max_current_a = draw(st.none() | st.floats(0, 100_000, exclude_min=True))
    known = model.setup.parameters.get("demand_period")
    period_min = draw(st.none() if known is None else st.none() | st.sampled_from([*map(int, known.values)]))
    of_each = {id_: draw(st.sampled_from(few)) for id_ in ids}
    return MeterSettings(name, model, address, of_each, max_current_a, period_min)


@st.composite
def lines(draw, index):
    """Port, format and how many requests may be under way."""
    network = st.just(NetworkLine())

    def serial(kind, *bytesizes):
        return st.builds(
            kind,
            st.integers(300, 4_000_000),
            st.sampled_from(bytesizes),
            st.sampled_from("NEO"),
            st.sampled_from([1, 2]),
        )

    name = draw(names).replace(":", "_")
    port, formats, most = draw(
        st.sampled_from(
            [
                (f"/dev/tty-{index}-{name}", serial(SerialFormat, 8), 1),
                (f"ascii:///dev/tty-{index}-{name}", serial(AsciiFormat, 7, 8), 1),
                (f"tcp://meter-{index}.example.org", network, 16),
                (f"tcp://[fe80::{index}]:1502", network, 16),
                (f"rtu+tcp://192.168.1.{index}:4196", network | serial(SerialFormat, 8), 1),
                (f"rtu+udp://192.168.1.{index}:4196", network | serial(SerialFormat, 8), 1),
            ]
        )
    )
    return port, draw(formats), draw(st.integers(1, most))


@st.composite
def buses(draw):
    count = draw(st.integers(1, 3))
    own_names = draw(st.lists(names, min_size=count, max_size=count, unique=True))
    meter_names = iter(draw(st.lists(names, min_size=count * 2, max_size=count * 2, unique=True)))
    found = []
    for index, name in enumerate(own_names):
        addresses = draw(st.lists(st.integers(1, 247), min_size=1, max_size=2, unique=True))
        port, format_, pipeline = draw(lines(index))
        found.append(
            BusSettings(
                name=name,
                port=port,
                format=format_,
                pipeline=pipeline,
                timeout_s=draw(st.integers(1_000, 60_000_000)) / 1_000_000,
                meters=tuple(draw(meters(next(meter_names), address)) for address in addresses),
            )
        )
    return tuple(found)


def ssh(directory):
    return st.builds(
        SshSettings,
        host=names,
        port=tcp_ports,
        user=names,
        password=secrets,
        key_file=st.none() | paths(directory),
        key_passphrase=st.none() | secrets,
        known_hosts=paths(directory),
        host_keys=st.sampled_from(["known", "pin-first"]),
    )


def postgresql(directory):
    return st.builds(
        PostgresqlSettings,
        host=names,
        port=tcp_ports,
        database=names,
        user=names,
        password=st.none() | secrets,
        sslmode=st.sampled_from(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
        schema=st.none() | identifiers,
        table=identifiers,
        manage_schema=st.booleans(),
        ship_interval_s=intervals_s,
        ssh=st.none() | ssh(directory),
        keep_s=st.none() | st.integers(86_400_000_000, MAX_DURATION_US).map(lambda keep_us: keep_us / 1_000_000),
    )


prices = st.floats(-1_000_000, 1_000_000)
rules = st.builds(
    TimeRule,
    price=prices,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    from_minute=st.integers(0, 95).map(lambda quarter: quarter * 15),
    until_minute=st.integers(0, 96).map(lambda quarter: quarter * 15),
    feed_in=st.none() | prices,
).filter(lambda rule: rule.from_minute != rule.until_minute)


@st.composite
def tariffs(draw, meters):
    """One for some meters, and two that follow each other for others."""
    ours, others = meters[: len(meters) // 2], meters[len(meters) // 2 :]
    day = draw(st.dates())
    spans = [(ours, None, None), (others, None, day), (others, day, None)]
    return tuple(
        Tariff(
            names,
            begin,
            end,
            price=draw(prices),
            currency=draw(st.sampled_from(["EUR", "CHF"])) if names is ours else "SEK",
            feed_in=draw(prices),
            base_price=draw(prices),
            rules=tuple(draw(st.lists(rules, max_size=3))),
        )
        for names, begin, end in spans
        if names and (begin or date.min) < (end or date.max)
    )


@st.composite
def alarm(draw, meters):
    meter = draw(st.sampled_from(meters))
    kind = draw(st.sampled_from(["above", "below", "disk", "silent"]))
    is_measurand = kind in ("above", "below")
    hold_us = draw(st.integers(0, MAX_DURATION_US))
    limits = {
        "disk": st.floats(0, 100, exclude_min=True, exclude_max=True),
        "silent": st.just(MAX_DURATION_US / 1_000_000),
    }
    return AlarmSettings(
        name="",
        kind=kind,
        limit=draw(limits.get(kind, st.floats(-1e12, 1e12))),
        measurand=draw(st.sampled_from(sorted(meter.intervals_us))) if is_measurand else None,
        meter=draw(st.none() | st.just(meter.name)) if is_measurand else None,
        hold_s=hold_us / 1_000_000 if is_measurand or kind == "disk" else 0.0,
        hysteresis=draw(st.floats(0, 1e12)) if is_measurand or kind == "disk" else 0.0,
    )


@st.composite
def all_settings(draw, source):
    without = draw(settings_without_tariffs(source))
    meters = [meter for bus in without.buses for meter in bus.meters]
    if any(min(meter.intervals_us.values()) > MAX_DURATION_US // 2 for meter in meters):
        alarms = ()
    else:
        alarms = tuple(
            replace(one, name=name)
            for one, name in zip(
                draw(st.lists(alarm(meters), max_size=3)), draw(st.lists(names, min_size=3, unique=True)), strict=False
            )
        )
    meter_names = tuple(meter.name for meter in meters)
    return replace(without, tariffs=draw(st.just(()) | tariffs(meter_names)), alarms=alarms)


def settings_without_tariffs(source):
    journals = st.builds(
        JournalSettings,
        path=paths(source.parent) | st.just(source.parent / "smartmeter.db"),
        commit_interval_s=intervals_s,
        keep_s=st.none() | st.integers(3_600_000_000, MAX_DURATION_US).map(lambda keep_us: keep_us / 1_000_000),
    )
    return st.builds(
        Settings,
        source=st.just(source),
        language=st.sampled_from(["en", "de"]),
        buses=buses(),
        journal=journals.filter(lambda journal: journal.path != source),
        postgresql=st.none() | postgresql(source.parent),
        fast=st.builds(
            FastSettings,
            intervals_us,
            st.integers(0, MAX_DURATION_US).map(lambda duration_us: duration_us / 1_000_000),
        ),
        timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"]),
        web=st.none()
        | st.builds(
            WebSettings,
            host=st.ip_addresses().map(str),
            port=st.integers(0, 65535),
            password_hash=st.none() | st.just("$argon2id$v=19$m=8,t=1,p=1$aHVudGVyNw$aHVudGVyNw"),
            tokens=st.lists(st.from_regex(r"[A-Za-z0-9_-]{20,30}", fullmatch=True), max_size=2, unique=True).map(tuple),
            names=st.lists(st.sampled_from(["meter", "meter.example.org"]), max_size=2, unique=True).map(tuple),
        ),
        alarm_set=st.sampled_from([None, "en50160"]),
        telegram=st.none()
        | st.builds(
            TelegramSettings,
            token=st.from_regex(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,100}", fullmatch=True),
            api_url=st.sampled_from(["https://api.telegram.org", "http://127.0.0.1:8081", "http://[::1]:80/bots"]),
        ),
        apprise=st.lists(texts.map("ntfy://{}".format), max_size=3, unique=True).map(tuple),
    )


@pytest.fixture(autouse=True)
def _no_systemd(monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_written_loads_the_same(tmp_path, data):
    original = data.draw(all_settings(tmp_path / "smartmeter.toml"))
    original.source.write_text(write_settings(original), "utf-8")
    assert load_settings(original.source) == original


@pytest.mark.parametrize("name", ["full.toml", "later_cfg.toml"])
def test_real_files_load_the_same_after_writing(tmp_path, name):
    original = replace(load_settings(DATA / name), source=tmp_path / "smartmeter.toml")
    original.source.write_text(write_settings(original), "utf-8")
    assert load_settings(original.source) == original


def written(meter_of, language="en"):
    meter = MeterSettings("house", load_model("SDM530"), 1, meter_of(list(load_model("SDM530").registers)))
    bus = BusSettings("bus1", "/dev/ttyUSB0", SerialFormat(9600), 0.5, (meter,))
    source = Path("smartmeter.toml")
    text = write_settings(
        Settings(
            source,
            language,
            (bus,),
            JournalSettings(Path.cwd() / "smartmeter.db"),
            None,
            FastSettings(2_000_000, 120.0),
        )
    )
    return text, tomllib.loads(text)["bus"][0]["meter"][0]


def test_one_interval_for_all_needs_no_list():
    _, meter = written(lambda ids: dict.fromkeys(ids, 5_000_000))
    assert meter == {"name": "house", "model": "SDM530", "address": 1, "interval": "5s"}


def test_the_most_common_interval_stands_for_all_and_the_rest_by_interval():
    _, meter = written(lambda ids: dict.fromkeys(ids, 10_000_000) | {"frequency": 300_000_000, "voltage_l2": 1_000_000})
    assert meter["interval"] == "10s"
    assert list(meter["intervals"].items()) == [("voltage_l2", "1s"), ("frequency", "5m")]


def test_few_that_are_not_read_are_never():
    _, meter = written(lambda ids: {id_: 10_000_000 for id_ in ids if id_ != "frequency"})
    assert meter["intervals"] == {"frequency": "never"}
    assert "measurands" not in meter


def test_few_that_are_read_are_listed_by_the_names_of_the_language():
    text, meter = written(lambda _: {"voltage_l1": 1_000_000, "frequency": 1_000_000, "current_l1": 5_000_000}, "de")
    assert meter["measurands"] == ["Spannung_L1", "Strom_L1", "Frequenz"]
    assert (meter["interval"], meter["intervals"]) == ("1s", {"Strom_L1": "5s"})
    assert max(len(line) for line in text.splitlines()) <= 120


def test_the_default_journal_is_only_a_comment_so_that_systemd_may_move_it(monkeypatch, tmp_path):
    text, _ = written(lambda ids: dict.fromkeys(ids, 1_000_000))
    assert '\n# path = "smartmeter.db"\n' in text
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    text, _ = written(lambda ids: dict.fromkeys(ids, 1_000_000))
    assert '\npath = "smartmeter.db"\n' in text


def test_files_outside_its_directory_are_named_whole(tmp_path):
    original = load_settings(DATA / "full.toml")
    moved = write_settings(replace(original, source=tmp_path / "smartmeter.toml"))
    assert tomllib.loads(moved)["journal"]["path"] == str(DATA / "readings.db")
    assert tomllib.loads(write_settings(original))["journal"]["path"] == "readings.db"


def test_a_meter_of_which_nothing_is_read_is_written_all_the_same():
    _, meter = written(lambda _: {})
    assert meter["measurands"] == []
