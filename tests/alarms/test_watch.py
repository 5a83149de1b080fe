import asyncio
import logging
import math
import threading
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartmeter.alarms import watch as module
from smartmeter.alarms.outbox import ALL_ALARMS, known_alarms, latest
from smartmeter.alarms.watch import AlarmWatch, Looks
from smartmeter.reading import Reading
from smartmeter.state import StateError, create_state, with_state
from tests.alarms.made_up import (
    BACKLOG,
    DAY,
    DISK,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    SILENCE,
    START_US,
    VOLTAGE,
    MadeUpClock,
)

HELD = replace(VOLTAGE, name="for long", hold_us=30 * SECOND_US)


class Site:
    """A clock, a state file, and what there is to see."""

    def __init__(self, path):
        self.path, self.at = path, MadeUpClock()
        self.seen = {}
        create_state(path)

    async def look(self, rule):
        seen = self.seen.get(rule.name)
        if isinstance(seen, Exception):
            raise seen
        return seen

    async def open(self, *rules):
        watch = AlarmWatch(rules, self.path, self.at.clock, Looks(self.look, self.look, self.look))
        await watch.load()
        return watch

    @asynccontextmanager
    async def running(self, *rules):
        watch = await self.open(*rules)
        task = asyncio.create_task(watch.run())
        await asyncio.sleep(0)
        try:
            yield watch
            assert not task.done()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def reading(self, value, **more):
        values = {"voltage_l1": value} if value != "none" else {"current_l1": 1.0}
        return Reading("house", self.at.wall_us, self.at.boot, self.at.monotonic_us, values, **more)

    def hear(self, watch, *values, every_s=10):
        for value in values:
            self.at.go_on(every_s)
            watch.hear(self.reading(value))

    def events(self):
        """What was posted, the oldest first."""
        return with_state(self.path, latest, 1000)[::-1]

    def told(self):
        return [(event.kind, event.rule.name, event.value, event.worst) for event in self.events()]

    async def until(self, condition, within_s=5.0):
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - it looks at a file
                await asyncio.sleep(0.002)

    async def until_told(self, count):
        await self.until(lambda: len(self.events()) >= count)
        assert len(self.events()) == count


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK_EVERY_S", dict.fromkeys(module.LOOK_EVERY_S, 0.005))
    monkeypatch.setattr(module, "TRY_AGAIN_S", 0.01)
    return Site(tmp_path / "state.db")


async def settle():
    """Long enough for everything to be looked at a few times."""
    await asyncio.sleep(0.03)


async def test_begin_and_end_are_posted_and_announced(site):
    async with site.running(VOLTAGE) as watch:
        site.hear(watch, 250, 254.5)
        await watch.news.beyond(0)
        begun_us = site.at.wall_us
        assert [(rule.name, state.worst) for rule, state in watch.on()] == [("too high", 254.5)]
        site.hear(watch, 258, 252)
        await site.until_told(2)
        assert watch.on() == []
    begun, ended = site.events()
    assert (begun.kind, begun.since_us, begun.time_us, begun.value) == ("begun", begun_us, begun_us, 254.5)
    assert (ended.kind, ended.value, ended.worst, ended.lasted_us) == ("ended", 252, 258, 20 * SECOND_US)
    assert with_state(site.path, known_alarms) == {}


async def test_only_the_meter_and_measurand_of_the_rule_count(site):
    async with site.running(VOLTAGE) as watch:
        watch.hear(replace(site.reading(260), meter="pump"))
        watch.hear(replace(site.reading(0), values={"voltage_l2": 260.0}))
        site.hear(watch, "none", None, math.nan, math.inf)
        assert watch.on() == []
    assert site.events() == []


async def test_an_alarm_that_is_on_survives_a_restart_and_a_reboot(site):
    async with site.running(VOLTAGE) as watch:
        site.hear(watch, 254, 260, 255)
    for restart in (lambda: site.at.go_on(5), lambda: site.at.reboot("second", off_s=3600)):
        restart()
        async with site.running(VOLTAGE) as watch:
            site.hear(watch, "none", None)
            ((_, state),) = watch.on()
            assert (state.since_us, state.worst) == (START_US + 10 * SECOND_US, 260)
            await settle()
    async with site.running(VOLTAGE) as watch:
        site.hear(watch, 250)
    assert site.told() == [("begun", "too high", 254, 254), ("ended", "too high", 250, 260)]
    # From the first reading beyond the limit, the time that the machine was off included.
    assert site.events()[1].lasted_us == site.at.wall_us - START_US - 10 * SECOND_US


async def test_a_hold_goes_on_over_a_restart_of_the_program_only(site):
    async with site.running(HELD) as watch:
        site.hear(watch, 254, 254, 254)
    async with site.running(HELD) as watch:
        site.hear(watch, 254)
        assert len(watch.on()) == 1
        site.hear(watch, 250, 250, 250, 250)
        assert watch.on() == []
        site.hear(watch, 254, 254, 254)
    site.at.reboot("second")
    async with site.running(HELD) as watch:
        site.hear(watch, 254, 254, 254)
        assert watch.on() == []


async def test_a_hold_is_not_taken_up_after_a_crash_where_it_was_long_before(site):
    async with site.running(HELD) as watch:
        site.hear(watch, 254, 254, 254)
    async with site.running(HELD) as watch:
        await site.until(lambda: not with_state(site.path, known_alarms))
        site.hear(watch, 250)
        # A crash: what it has in memory is gone, and nothing is saved at its end.
        crashed = await site.open(HELD)
        site.hear(crashed, 254)
        assert crashed.on() == []


async def test_a_crash_costs_state_and_message_together(site):
    watch = await site.open(VOLTAGE)
    site.hear(watch, 254)
    assert len(watch.on()) == 1
    async with site.running(VOLTAGE) as watch:
        site.hear(watch, 255)
    assert site.told() == [("begun", "too high", 255, 255)]


async def test_how_bad_it_is_is_remembered_now_and_then(site, monkeypatch):
    monkeypatch.setattr(module, "REMEMBER_EVERY_S", 0.01)
    async with site.running(VOLTAGE) as watch:
        site.hear(watch, 254)
        await site.until_told(1)
        site.hear(watch, 270)
        await site.until(lambda: with_state(site.path, known_alarms)[VOLTAGE.key].state.worst == 270)


async def test_a_rule_that_is_gone_neither_ends_nor_is_on(site):
    async with site.running(VOLTAGE, HELD) as watch:
        site.hear(watch, 254)
    async with site.running(HELD) as watch:
        assert watch.on() == []
        await site.until(lambda: VOLTAGE.key not in with_state(site.path, known_alarms))
    async with site.running(VOLTAGE) as watch:
        assert watch.on() == []
    assert len(site.events()) == 1


async def test_a_limit_that_was_changed_counts_from_the_next_value_on(site):
    async with site.running(VOLTAGE) as watch:
        site.hear(watch, 254)
    async with site.running(replace(VOLTAGE, limit=260.0)) as watch:
        assert len(watch.on()) == 1
        site.hear(watch, 254)
        assert watch.on() == []
    assert site.events()[1].rule.limit == 260.0


# Silence


async def test_a_silent_meter_begins_and_ends(site):
    async with site.running(SILENCE) as watch:
        site.hear(watch, 230)
        heard_us = site.at.wall_us
        site.at.go_on(300)
        await settle()
        assert watch.on() == []
        site.at.go_on(1)
        await site.until_told(1)
        site.at.go_on(3600)
        await settle()
        site.hear(watch, None)
        await site.until_told(2)
    begun, ended = site.events()
    assert (begun.value, begun.time_us) == (301, heard_us + 301 * SECOND_US)
    assert (ended.value, ended.worst) == (0, 3901)


async def test_a_meter_that_never_answers_is_silent_since_the_start(site):
    async with site.running(SILENCE) as watch:
        await settle()
        site.at.go_on(299)
        await settle()
        assert watch.on() == []
        site.at.go_on(2)
        await site.until_told(1)
    assert site.told() == [("begun", "dead", 301, 301)]


@pytest.mark.parametrize(("reboot", "off_s"), [(False, 20), (True, 20), (True, 7200)])
async def test_a_silence_goes_on_over_a_restart_and_ends_when_the_meter_answers(site, reboot, off_s):
    async with site.running(SILENCE) as watch:
        site.at.go_on(400)
        await site.until_told(1)
    if reboot:
        site.at.reboot("second", off_s)
    else:
        site.at.go_on(off_s)
    async with site.running(SILENCE) as watch:
        await settle()
        assert len(watch.on()) == 1
        site.at.go_on(60)
        await settle()
        site.hear(watch, 230)
        await site.until_told(2)
    assert site.told() == [("begun", "dead", 400, 400), ("ended", "dead", 0, 460 + off_s)]


async def test_a_silence_does_not_end_because_its_limit_was_raised(site):
    async with site.running(SILENCE):
        site.at.go_on(400)
        await site.until_told(1)
    async with site.running(replace(SILENCE, limit=1000.0)) as watch:
        await settle()
        assert len(watch.on()) == len(site.events()) == 1
        site.hear(watch, 230)
        await site.until_told(2)


@pytest.mark.parametrize("jump_s", [-86_400, 86_400, -3e8, 3e8])
async def test_setting_the_clock_makes_and_ends_no_alarm(site, jump_s):
    async with site.running(SILENCE, HELD) as watch:
        site.hear(watch, 254, 254, 254)
        site.at.wall_us += round(jump_s * SECOND_US)
        await settle()
        assert watch.on() == []
        site.hear(watch, 254)
        assert [rule.name for rule, _ in watch.on()] == ["for long"]
        site.at.go_on(290)
        await settle()
        assert len(watch.on()) == 1
        site.at.go_on(20)
        await settle()
        site.at.wall_us -= round(jump_s * SECOND_US)
        await settle()
        assert len(watch.on()) == 2
    assert [(event.kind, event.lasted_us) for event in site.events()] == [("begun", 30 * SECOND_US), ("begun", 0)]


# What the program sees of itself


@pytest.mark.parametrize(
    ("rule", "values"),
    [(BACKLOG, (3600.0, 3601.0, 9000.0, 0.0)), (DISK, (90, 91, 95, 88)), (DAY, (30, 30.5, 40, 0.0))],
)
async def test_what_is_looked_at(site, rule, values):
    inside, beyond, worse, back = values
    async with site.running(rule) as watch:
        for value, count in ((inside, 0), (None, 0), (beyond, 1), (worse, 1), (None, 1), (back, 2)):
            site.seen[rule.name] = value
            await settle()
            assert len(site.events()) == count
            assert len(watch.on()) == count % 2
    assert site.told() == [("begun", rule.name, beyond, beyond), ("ended", rule.name, back, worse)]


async def test_what_cannot_be_looked_at_costs_only_itself(site, caplog):
    site.seen = {"behind": RuntimeError("what is this?"), "full": 95.0}
    async with site.running(BACKLOG, DISK) as watch:
        await site.until_told(1)
        await settle()
        site.seen["behind"] = 7200.0
        await site.until_told(2)
        assert {rule.name for rule, _ in watch.on()} == {"behind", "full"}
    assert caplog.text.count("Traceback") == caplog.text.count("please report it") == 1


# Mutes


async def test_what_begins_and_ends_in_the_quiet_is_never_told(site):
    async with site.running(VOLTAGE) as watch:
        await watch.mute(ALL_ALARMS, HOUR_US)
        assert watch.muted() == {ALL_ALARMS: HOUR_US}
        site.hear(watch, 254, 250)
        assert watch.on() == []
        site.at.go_on(3600)
        assert watch.muted() == {}
        await settle()
        assert site.events() == []
        site.hear(watch, 255)
    assert site.told() == [("begun", "too high", 255, 255)]


async def test_what_is_on_when_the_quiet_is_over_is_told_then(site):
    async with site.running(VOLTAGE) as watch:
        await watch.mute("too high", 60 * SECOND_US)
        site.hear(watch, 254, 270, 256)
        await settle()
        assert site.events() == []
        assert len(watch.on()) == 1
        site.at.go_on(31)
        await site.until_told(1)
        await settle()
        site.hear(watch, 250)
    begun, ended = site.events()
    assert (begun.since_us, begun.time_us) == (START_US + 10 * SECOND_US, START_US + 61 * SECOND_US)
    assert (begun.value, begun.worst, begun.lasted_us) == (256, 270, 20 * SECOND_US)
    assert ended.kind == "ended"


async def test_unmute_tells_at_once(site):
    async with site.running(VOLTAGE) as watch:
        await watch.mute(ALL_ALARMS, HOUR_US)
        site.hear(watch, 254)
        await watch.unmute()
        assert watch.muted() == {}
        await site.until_told(1)
        await watch.unmute()
        await settle()
    assert site.told() == [("begun", "too high", 254, 254)]


async def test_the_end_of_what_was_told_is_told_also_in_the_quiet(site):
    async with site.running(VOLTAGE) as watch:
        site.hear(watch, 254)
        await watch.mute(ALL_ALARMS, HOUR_US)
        site.hear(watch, 250, 254, 250)
        await site.until_told(2)
    assert [kind for kind, *_ in site.told()] == ["begun", "ended"]


async def test_one_name_can_be_quiet_and_the_others_not(site):
    other = replace(VOLTAGE, name="another")
    async with site.running(VOLTAGE, other) as watch:
        await watch.mute("another", HOUR_US)
        site.hear(watch, 254)
    assert site.told() == [("begun", "too high", 254, 254)]


@pytest.mark.parametrize("reboot", [False, True])
async def test_quiet_survives_a_restart(site, reboot):
    async with site.running(VOLTAGE) as watch:
        await watch.mute(ALL_ALARMS, HOUR_US)
        site.hear(watch, 254)
    if reboot:
        site.at.reboot("second", off_s=20)
    else:
        site.at.go_on(20)
    async with site.running(VOLTAGE) as watch:
        await settle()
        assert watch.muted() == {ALL_ALARMS: HOUR_US - 30 * SECOND_US}
        assert site.events() == []
    site.at.reboot("third", off_s=3600)
    async with site.running(VOLTAGE) as watch:
        await site.until_told(1)
        assert watch.muted() == {}


async def test_a_clock_that_is_wrong_only_after_the_start_does_not_end_the_quiet_for_good(site):
    async with site.running(VOLTAGE) as watch:
        await watch.mute(ALL_ALARMS, HOUR_US)
    site.at.reboot("second", off_s=-600)
    async with site.running(VOLTAGE) as watch:
        assert watch.muted() == {}
        site.at.wall_us += 630 * SECOND_US
        assert watch.muted() == {ALL_ALARMS: HOUR_US - 30 * SECOND_US}


@pytest.mark.parametrize("jump_us", [-100 * HOUR_US, 100 * HOUR_US])
async def test_setting_the_clock_neither_ends_nor_prolongs_the_quiet(site, jump_us):
    async with site.running(VOLTAGE) as watch:
        await watch.mute(ALL_ALARMS, HOUR_US)
        site.at.wall_us += jump_us
        assert watch.muted() == {ALL_ALARMS: HOUR_US}
        site.at.go_on(3600)
        assert watch.muted() == {}


# Trouble with the file


@pytest.fixture
def failing(monkeypatch):
    """While it holds something, nothing can be written."""
    trouble = []

    def maybe(path, function, *args):
        if trouble and function.__name__ in ("_write", "mute", "unmute"):
            raise StateError(trouble[0])
        return with_state(path, function, *args)

    monkeypatch.setattr(module, "with_state", maybe)
    return trouble


async def test_what_cannot_be_kept_is_kept_later_in_order(site, failing, caplog):
    failing.append("database or disk is full")
    async with site.running(VOLTAGE) as watch:
        for value in (254, 250, 255, 250, 256):
            site.hear(watch, value)
            await settle()
        assert site.events() == []
        assert watch.news.count == 0
        with pytest.raises(StateError):
            await watch.mute(ALL_ALARMS, HOUR_US)
        assert watch.muted() == {}
        failing.clear()
        await site.until_told(5)
        await site.until(lambda: watch.news.count)
        assert with_state(site.path, known_alarms)[VOLTAGE.key].told
    assert [value for _, _, value, _ in site.told()] == [254, 250, 255, 250, 256]
    assert caplog.text.count("Alarms cannot be kept: database or disk is full.") == 1


async def test_memory_does_not_grow_while_nothing_can_be_kept(site, failing, monkeypatch):
    monkeypatch.setattr(module, "KEPT_EVENTS", 6)
    failing.append("database or disk is full")
    async with site.running(VOLTAGE) as watch:
        for number in range(20):
            site.hear(watch, 254 + number, 250 - number)
            await asyncio.sleep(0.012)
        failing.clear()
        await site.until(site.events)
        await settle()
    values = [value for _, _, value, _ in site.told()]
    assert values[-2:] == [273, 231]
    assert len(values) <= 12


async def test_what_cannot_be_kept_at_the_end_is_said(site, failing, caplog):
    async with site.running(VOLTAGE) as watch:
        failing.append("database or disk is full")
        site.hear(watch, 254)
    assert "Alarms could not be kept: database or disk is full." in caplog.text


@pytest.mark.parametrize("fails", [False, True])
async def test_ending_while_something_is_being_kept_loses_and_doubles_nothing(site, monkeypatch, fails):
    writing, go_on = threading.Event(), threading.Event()

    def slow(path, function, *args):
        if function.__name__ == "_write" and not writing.is_set():
            writing.set()
            go_on.wait(5)
            if fails:
                raise StateError("no")
        return with_state(path, function, *args)

    monkeypatch.setattr(module, "with_state", slow)
    watch = await site.open(VOLTAGE)
    task = asyncio.create_task(watch.run())
    site.hear(watch, 254)
    await asyncio.to_thread(writing.wait, 5)
    site.hear(watch, 250)
    task.cancel()
    await asyncio.sleep(0.01)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(kind, value) for kind, _, value, _ in site.told()] == [("begun", 254), ("ended", 250)]
    assert with_state(site.path, known_alarms) == {}


async def test_without_a_file_it_does_not_start(site):
    site.path.unlink()
    with pytest.raises(StateError):
        await site.open(VOLTAGE)


VALUES = st.one_of(st.none(), st.floats(), st.integers(-(10**15), 10**15), st.sampled_from([253.0, 254.0, 252.0]))
READINGS = st.lists(st.tuples(VALUES, st.sampled_from("abc"), st.integers(-(10**17), 10**17), st.integers(0, 10**17)))


@settings(max_examples=60)
@given(READINGS, st.booleans())
def test_hearing_raises_nothing_whatever_comes(tmp_path_factory, readings, is_muted):
    logging.getLogger(module.__name__).setLevel(logging.INFO)
    rules = (VOLTAGE, HELD, replace(VOLTAGE, side="below"))
    looks = Looks(*[lambda _: None] * 3)
    watch = AlarmWatch(rules, tmp_path_factory.getbasetemp() / "none", MadeUpClock().clock, looks)
    if is_muted:
        watch._mutes = {ALL_ALARMS: module.Mute(watch._started, MINUTE_US)}  # noqa: SLF001
    for value, boot, time_us, monotonic_us in readings:
        watch.hear(Reading("house", time_us, boot, monotonic_us, {"voltage_l1": value}))
    assert not (is_muted and watch._events)  # noqa: SLF001
