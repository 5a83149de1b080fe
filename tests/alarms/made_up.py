"""Rules, events and clocks for the tests of alarms."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from smartmeter.alarms.judge import Event
from smartmeter.alarms.messages import Wording
from smartmeter.alarms.outbox import Posted
from smartmeter.alarms.rules import Rule
from smartmeter.clock import Clock

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
# 2026-11-24 14:20 in Berlin.
START_US = int(datetime(2026, 11, 24, 13, 20, tzinfo=UTC).timestamp()) * SECOND_US
BERLIN = ZoneInfo("Europe/Berlin")
ENGLISH, GERMAN = Wording("en", BERLIN), Wording("de", BERLIN)

VOLTAGE = Rule("too high", "measurand", "house", "voltage_l1", "above", 253.0, 1.0, 0, 60 * SECOND_US)
LOW = replace(VOLTAGE, name="too low", side="below", limit=207.0)
SILENCE = Rule("dead", "silence", "house", None, "above", 300.0, 0.0, 0, 600 * SECOND_US)
BACKLOG = replace(SILENCE, name="behind", quantity="backlog", subject="postgresql", limit=3600.0)
DISK = replace(SILENCE, name="full", quantity="disk", subject="", limit=90.0, hysteresis=2.0)
DAY = replace(SILENCE, name="much", quantity="day_energy", measurand="active_energy_import", limit=30.0)


def begun(rule, *, at_us=0, since_us=0, value, worst=None, lasted_us=MINUTE_US):
    """An alarm has begun; times are after START_US."""
    return Event(
        "begun", rule, START_US + at_us, START_US + since_us, value, value if worst is None else worst, lasted_us
    )


def ended(rule, *, at_us=0, since_us=0, value, worst, lasted_us=26 * MINUTE_US):
    return Event("ended", rule, START_US + at_us, START_US + since_us, value, worst, lasted_us)


def events(count, rule=VOLTAGE):
    """So many, one a minute, begin and end in turn; each has a value of its own."""
    return [
        begun(rule, at_us=number * MINUTE_US, since_us=number * MINUTE_US, value=254.0 + number)
        if number % 2 == 0
        else ended(rule, at_us=number * MINUTE_US, value=250.0 - number, worst=255.0 + number)
        for number in range(count)
    ]


def posted(events, first=1):
    return [Posted(sequence, event) for sequence, event in enumerate(events, first)]


class MadeUpClock:
    """Both clocks, to be set by hand."""

    def __init__(self, boot="first", wall_us=START_US, monotonic_us=1000 * SECOND_US):
        self.boot, self.wall_us, self.monotonic_us = boot, wall_us, monotonic_us

    @property
    def clock(self):
        return Clock(lambda: self.wall_us, lambda: self.monotonic_us, self.boot)

    def go_on(self, seconds):
        self.wall_us += round(seconds * SECOND_US)
        self.monotonic_us += round(seconds * SECOND_US)

    def reboot(self, boot, off_s=30):
        self.boot, self.monotonic_us = boot, 5 * SECOND_US
        self.wall_us += round(off_s * SECOND_US)
