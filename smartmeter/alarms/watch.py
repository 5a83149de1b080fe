"""Holds readings, and what the program sees of itself, against the rules, and posts what is to be told."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from smartmeter.alarms.judge import AlarmState, Event, Sample, judge
from smartmeter.alarms.news import News
from smartmeter.alarms.outbox import (
    ALL_ALARMS,
    KEPT_EVENTS,
    KnownAlarm,
    Mute,
    keep_alarm,
    known_alarms,
    mute,
    mutes,
    post,
    unmute,
)
from smartmeter.alarms.rules import Quantity, Rule
from smartmeter.clock import Clock, Moment, elapsed_us, now
from smartmeter.reading import Reading
from smartmeter.state import StateError, with_state

# How often what is not read from a meter is looked at.
LOOK_EVERY_S: Mapping[Quantity, float] = {"silence": 5.0, "backlog": 30.0, "disk": 60.0, "day_energy": 60.0}
# An alarm that is on is remembered anew that often, so that a crash costs little of how bad it was.
REMEMBER_EVERY_S = 600.0
# While the state cannot be written, it is tried again that often.
TRY_AGAIN_S = 60.0

_QUIET = KnownAlarm(AlarmState(), told=False)
log = logging.getLogger(__name__)

# What gives the value of a rule that no reading brings; None while there is none.
Look = Callable[[Rule], Awaitable[float | None]]


@dataclass(frozen=True, slots=True)
class Looks:
    """How to see what no reading brings, each for the rules of its quantity."""

    backlog: Look
    disk: Look
    day_energy: Look


class AlarmWatch:
    """The alarms of a running program. `hear` wants every reading; `run` does the rest.

    `news` is announced when something new is to be told and lies in the state file.
    """

    def __init__(self, rules: Sequence[Rule], state: Path, clock: Clock, looks: Looks) -> None:
        self.rules = tuple(rules)
        self.news = News()
        self._path = state
        self._clock = clock
        self._looks = looks
        self._by_meter: dict[str, list[Rule]] = {}
        for rule in rules:
            if rule.quantity == "measurand":
                self._by_meter.setdefault(rule.subject, []).append(rule)
        self._alarms: dict[str, KnownAlarm] = {}
        self._values: dict[str, float] = {}
        self._mutes: Mapping[str, Mute] = {}
        self._events: list[Event] = []
        self._changed: set[str] = set()
        self._to_save = asyncio.Event()
        self._started = now(clock)
        self._heard: dict[str, Moment] = {}
        self._blind: set[str] = set()

    async def load(self) -> None:
        """Go on where the program was when it ended. Raises StateError."""
        known = await asyncio.to_thread(with_state, self._path, known_alarms)
        self._mutes = await asyncio.to_thread(with_state, self._path, mutes)
        ours = {rule.key for rule in self.rules}
        self._alarms = {key: alarm for key, alarm in known.items() if key in ours}
        # Rules that are gone: their alarms neither end nor are they on. Those that are about to be on leave the file:
        # after a crash they would be taken up where they are now.
        self._changed = {key for key in known if key not in ours or not _is_on(known[key])}
        if self._changed:
            self._to_save.set()

    def hear(self, reading: Reading) -> None:
        """Judge a reading. Quick, and raises nothing."""
        moment = Moment(reading.time_us, reading.boot, reading.monotonic_us)
        self._heard[reading.meter] = moment
        for rule in self._by_meter.get(reading.meter, ()):
            self._judge(rule, Sample(moment, reading.values.get(rule.measurand or "")))

    def on(self) -> list[tuple[Rule, AlarmState]]:
        """The alarms that are on, in the order of the rules."""
        return [(rule, alarm.state) for rule in self.rules if (alarm := self._alarms.get(rule.key)) and _is_on(alarm)]

    def muted(self) -> Mapping[str, int]:
        """How long alarms are quiet yet, in microseconds, by name; ALL_ALARMS stands for all."""
        left = {name: one.left_us(self._moment()) for name, one in self._mutes.items()}
        return {name: left_us for name, left_us in left.items() if left_us}

    async def mute(self, name: str, duration_us: int) -> None:
        """Have alarms of this name (ALL_ALARMS: all) not told for so long. Raises StateError."""
        one = Mute(self._moment(), duration_us)
        await asyncio.to_thread(with_state, self._path, mute, name, one)
        self._mutes = {**self._mutes, name: one}

    async def unmute(self) -> None:
        """Have all alarms told again; those that are on and were not told are told now. Raises StateError."""
        await asyncio.to_thread(with_state, self._path, unmute)
        self._mutes = {}
        self._tell_what_was_muted()

    async def run(self) -> NoReturn:
        """Watch until cancelled; what is not saved yet is saved then."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_saving())
                tasks.create_task(self._keep_remembering())
                tasks.create_task(self._keep_looking("silence", self._silence_s))
                tasks.create_task(self._keep_looking("backlog", self._looks.backlog))
                tasks.create_task(self._keep_looking("disk", self._looks.disk))
                tasks.create_task(self._keep_looking("day_energy", self._looks.day_energy))
        finally:
            self._changed |= self._alarms.keys()
            try:
                await self._save(self._alarms)
            except StateError as error:
                log.error("Alarms could not be kept: %s.", error)  # noqa: TRY400 - a line for the owner
        raise AssertionError("its tasks never end")

    def _moment(self) -> Moment:
        return now(self._clock)

    async def _silence_s(self, rule: Rule) -> float | None:
        """How long the meter has given no reading; None while nothing can be said."""
        heard = self._heard.get(rule.subject)
        if heard is not None:
            return elapsed_us(heard, self._moment()) / 1e6
        alarm = self._alarms.get(rule.key)
        if alarm is not None and _is_on(alarm) and alarm.state.last is not None:
            # It goes on over a restart.
            silence_s = alarm.state.worst + elapsed_us(alarm.state.last, self._moment()) / 1e6
        else:
            silence_s = elapsed_us(self._started, self._moment()) / 1e6
        # Nothing was heard, so it can begin and go on, but not end.
        return silence_s if silence_s > rule.limit else None

    async def _keep_looking(self, quantity: Quantity, look: Look) -> None:
        rules = [rule for rule in self.rules if rule.quantity == quantity]
        while rules:
            await asyncio.sleep(LOOK_EVERY_S[quantity])
            for rule in rules:
                value = await self._seen(look, rule)
                self._judge(rule, Sample(self._moment(), value))

    async def _seen(self, look: Look, rule: Rule) -> float | None:
        """What there is to see; nothing if that fails: one alarm that is blind must not cost the others anything."""
        try:
            value = await look(rule)
        except Exception:
            if rule.key not in self._blind:
                log.exception("Unexpected error in looking for the alarm %s; please report it.", rule.name)
            self._blind.add(rule.key)
            return None
        self._blind.discard(rule.key)
        return value

    def _judge(self, rule: Rule, sample: Sample) -> None:
        before = self._alarms.get(rule.key, _QUIET)
        state, event = judge(rule, before.state, sample)
        if sample.value is not None and state is not before.state:
            self._values[rule.key] = sample.value
        told = before.told
        if event is not None:
            # Who was not told of the begin need not hear of the end.
            told = not self._is_muted(rule) if event.kind == "begun" else before.told
            if told:
                self._events.append(event)
            log.info("Alarm %s of %s has %s (%g).", rule.name, rule.subject or "the disk", event.kind, event.value)
            self._change(rule.key)
        self._alarms[rule.key] = KnownAlarm(state, told=told)

    def _is_muted(self, rule: Rule) -> bool:
        muted = self.muted()
        return ALL_ALARMS in muted or rule.name in muted

    def _tell_what_was_muted(self) -> None:
        """Tell of the alarms that began while they were muted and are on now."""
        moment = self._moment()
        for rule, state in self.on():
            if not self._alarms[rule.key].told and not self._is_muted(rule):
                value = self._values.get(rule.key, state.worst)
                event = Event("begun", rule, moment.time_us, state.since_us, value, state.worst, state.lasted_us)
                self._events.append(event)
                self._alarms[rule.key] = KnownAlarm(state, told=True)
                self._change(rule.key)

    async def _keep_remembering(self) -> None:
        since_s = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY_S["silence"])
            self._tell_what_was_muted()
            since_s += LOOK_EVERY_S["silence"]
            if since_s >= REMEMBER_EVERY_S:
                since_s = 0.0
                for rule, _ in self.on():
                    self._change(rule.key)

    def _change(self, key: str) -> None:
        self._changed.add(key)
        self._to_save.set()

    async def _keep_saving(self) -> None:
        is_failing = False
        while True:
            await self._to_save.wait()
            self._to_save.clear()
            try:
                await self._save({key: alarm for key, alarm in self._alarms.items() if _is_on(alarm)})
            except StateError as error:
                if not is_failing:
                    log.error("Alarms cannot be kept: %s.", error)  # noqa: TRY400 - a line for the owner
                is_failing = True
                await asyncio.sleep(TRY_AGAIN_S)
                self._to_save.set()
            else:
                is_failing = False
                self.news.announce()

    async def _save(self, known: Mapping[str, KnownAlarm]) -> None:
        """Write what has changed, as it is in `known`, and the events. Raises StateError."""
        alarms = {key: known.get(key, _QUIET) for key in self._changed}
        events = self._events
        self._changed, self._events = set(), []
        work = partial(with_state, self._path, _write, alarms, events)
        writing = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            await asyncio.shield(writing)
        finally:
            # A thread cannot be stopped: when this is cancelled, only its end tells whether the file has it all.
            await asyncio.wait({writing})
            if writing.exception() is not None:
                self._changed |= alarms.keys()
                # What does not fit into the file need not be in memory.
                self._events = [*events, *self._events][-KEPT_EVENTS:]


def _is_on(alarm: KnownAlarm) -> bool:
    return alarm.state.phase in ("on", "falling")


def _write(connection: sqlite3.Connection, alarms: Mapping[str, KnownAlarm], events: Sequence[Event]) -> None:
    for key, alarm in alarms.items():
        keep_alarm(connection, key, alarm)
    for event in events:
        post(connection, event)
