import asyncio
import re
import threading
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartmeter.alarms import delivery
from smartmeter.alarms.delivery import RefusedError, UndeliveredError, dismiss_others, keep_telling
from smartmeter.alarms.messages import LINES_AT_MOST
from smartmeter.alarms.news import News
from smartmeter.alarms.outbox import enroll, post, recipients, untold
from smartmeter.state import StateError, create_state, with_state
from tests.alarms.made_up import ENGLISH, VOLTAGE, events

REAL_SLEEP = asyncio.sleep


class Pauses(list):
    """Those that were asked for; none takes any time."""

    async def sleep(self, pause_s):
        self.append(pause_s)
        await REAL_SLEEP(0)


class Phone:
    """Takes messages, or does what the plan says; after the plan it takes everything."""

    def __init__(self, plan=()):
        self.plan = list(plan)
        self.texts = []
        self.tries = 0

    async def send(self, text):
        self.tries += 1
        step = self.plan.pop(0) if self.plan else None
        await REAL_SLEEP(0)
        if isinstance(step, BaseException):
            raise step
        self.texts.append(text)

    @property
    def values(self):
        """Each event has a value of its own: the numbers of those that were told."""
        found = re.findall(r"Voltage L1 is ([\d.]+) V(,| again)", "\n".join(self.texts))
        return [round(float(value) - 254 if mark == "," else 250 - float(value)) for value, mark in found]


class Site:
    """A state file, and telling that can be started and ended."""

    def __init__(self, path):
        self.path, self.news = path, News()
        create_state(path)

    def post(self, *given):
        with_state(self.path, lambda connection: [post(connection, event) for event in given])
        self.news.announce()

    def waiting(self, name="a"):
        return [one.sequence for one in with_state(self.path, untold, name)]

    def start(self, phone, name="a"):
        return asyncio.create_task(keep_telling(name, phone.send, self.path, self.news, ENGLISH))

    async def until_told(self, name="a", within_s=5.0):
        async with asyncio.timeout(within_s):
            while name not in with_state(self.path, recipients) or self.waiting(name):
                await REAL_SLEEP(0.001)


async def end(task):
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def pauses(monkeypatch):
    made = Pauses()
    monkeypatch.setattr(delivery.asyncio, "sleep", made.sleep)
    return made


@pytest.fixture
def site(tmp_path, pauses):
    made = Site(tmp_path / "state.db")
    with_state(made.path, enroll, "a")
    return made


AWAY = UndeliveredError("no route to host")


async def test_each_event_is_told_as_it_comes(site):
    phone = Phone()
    task = site.start(phone)
    for event in events(5):
        site.post(event)
        await site.until_told()
    assert phone.values == [0, 1, 2, 3, 4]
    assert len(phone.texts) == phone.tries == 5
    await end(task)


async def test_who_is_enrolled_later_hears_only_of_what_is_new(site):
    site.post(*events(4))
    phone = Phone()
    task = site.start(phone, "late")
    await site.until_told("late")
    site.post(events(5)[4])
    await site.until_told("late")
    assert phone.values == [4]
    assert site.waiting("a") == [1, 2, 3, 4, 5]
    await end(task)


async def test_after_an_outage_all_comes_together_in_order(site, pauses, caplog):
    caplog.set_level("INFO")
    given = events(9)
    phone = Phone([AWAY] * 6)
    site.post(given[0])
    task = site.start(phone)
    for event in given[1:]:
        await REAL_SLEEP(0.002)
        site.post(event)
    await site.until_told()
    assert phone.values == list(range(9))
    assert len(pauses) == 6
    assert all(1 <= pause_s <= min(60, 2**number) for number, pause_s in enumerate(pauses, 1))
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["Alarms wait, as a is out of reach: no route to host.", "Alarms get through to a again."]
    await end(task)


async def test_what_gathers_in_an_outage_is_put_together(site):
    release = asyncio.Event()

    class Away(Phone):
        async def send(self, text):
            if not release.is_set():
                await release.wait()
                raise AWAY
            await super().send(text)

    phone = Away()
    site.post(events(1)[0])
    task = site.start(phone)
    await REAL_SLEEP(0.02)
    site.post(*events(9)[1:])
    release.set()
    await site.until_told()
    assert len(phone.texts) == 1
    assert phone.texts[0].startswith("9 messages since")
    assert phone.values == list(range(9))
    await end(task)


@pytest.mark.parametrize(("asked_s", "waited_s"), [(17.0, 17.0), (3600.0, 3600.0), (0.0, 1.0), (-5.0, 1.0)])
async def test_a_pause_that_is_asked_for_is_kept_and_is_no_trouble(site, pauses, caplog, asked_s, waited_s):
    caplog.set_level("INFO")
    phone = Phone([UndeliveredError("Too Many Requests", asked_s)] * 3)
    site.post(*events(2))
    task = site.start(phone)
    await site.until_told()
    assert pauses == [waited_s] * 3
    assert phone.values == [0, 1]
    assert not caplog.records
    await end(task)


async def test_an_outage_after_a_pause_is_said(site, caplog):
    phone = Phone([UndeliveredError("Too Many Requests", 2.0), AWAY, AWAY])
    site.post(*events(1))
    task = site.start(phone)
    await site.until_told()
    assert caplog.text.count("out of reach") == 1
    await end(task)


async def test_what_is_refused_holds_up_nothing(site, caplog):
    phone = Phone([None, RefusedError("bot was blocked by the user")])
    site.post(*events(3))
    task = site.start(phone)
    await site.until_told()
    assert phone.values == [0, 2]
    assert "a does not take a message on alarms: bot was blocked by the user." in caplog.text
    await end(task)


async def test_an_error_that_nobody_foresaw_is_said_once_and_tried_again(site, caplog):
    phone = Phone([KeyError("what?")] * 3)
    site.post(*events(2))
    task = site.start(phone)
    await site.until_told()
    assert phone.values == [0, 1]
    assert not task.done()
    assert caplog.text.count("please report it") == caplog.text.count("Traceback") == 1
    await end(task)


async def test_while_the_file_cannot_be_written_nothing_is_told_twice(site, monkeypatch, caplog):
    phone, failures = Phone(), [1] * 5

    def failing(path, function, *args):
        if function.__name__ == "note_told" and failures:
            failures.pop()
            raise StateError("database or disk is full")
        return with_state(path, function, *args)

    monkeypatch.setattr(delivery, "with_state", failing)
    site.post(*events(3))
    task = site.start(phone)
    await site.until_told()
    assert phone.values == [0, 1, 2]
    assert caplog.text.count("database or disk is full") == 1
    await end(task)


async def test_what_was_told_is_noted_also_when_it_is_ended_then(site, monkeypatch):
    noting, go_on = threading.Event(), threading.Event()

    def slow(path, function, *args):
        if function.__name__ == "note_told":
            noting.set()
            go_on.wait(5)
        return with_state(path, function, *args)

    monkeypatch.setattr(delivery, "with_state", slow)
    phone = Phone()
    site.post(*events(1))
    task = site.start(phone)
    await asyncio.to_thread(noting.wait, 5)
    await end(task)
    go_on.set()
    await site.until_told()
    task = site.start(phone)
    await REAL_SLEEP(0.02)
    assert phone.values == [0]
    await end(task)


STEPS = st.lists(st.sampled_from([None, AWAY, UndeliveredError("pause", 3.0), ValueError("?"), "end"]), max_size=12)


@settings(max_examples=40)
@given(steps=STEPS, count=st.integers(1, 12), at_once=st.integers(1, 6))
def test_each_is_told_once_and_in_order_wherever_it_breaks(tmp_path_factory, steps, count, at_once):
    """Messages fail, and the task is ended and started again in the middle of one that does not get through."""

    async def tell():
        site = Site(tmp_path_factory.mktemp("state") / "state.db")
        with_state(site.path, enroll, "a")
        ended = asyncio.Event()

        class Breaking(Phone):
            async def send(self, text):
                if self.plan and self.plan[0] == "end":
                    self.plan.pop(0)
                    ended.set()
                    await asyncio.Event().wait()
                await super().send(text)

        phone, given = Breaking(steps), events(count)
        task = site.start(phone)
        while given or site.waiting():
            site.post(*given[:at_once])
            del given[:at_once]
            for _ in range(20):
                await REAL_SLEEP(0.0002)
                if ended.is_set():
                    ended.clear()
                    await end(task)
                    task = site.start(phone)
        await end(task)
        assert phone.values == list(range(count))

    pauses = Pauses()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery.asyncio, "sleep", pauses.sleep)
        asyncio.run(tell())


@pytest.mark.parametrize("broken", range(6))
@pytest.mark.parametrize("how", [AWAY, UndeliveredError("pause", 3.0)])
async def test_what_is_counted_over_several_messages_is_told_once(site, broken, how):
    rules = [replace(VOLTAGE, name=f"{number:02}" * 50, subject="x" * 100) for number in range(22)]
    site.post(*[event for _ in range(2) for rule in rules for event in events(2, rule)], *events(LINES_AT_MOST))
    phone = Phone([None] * broken + [how])
    task = site.start(phone)
    await site.until_told()
    text = "\n".join(phone.texts)
    assert [text.count(f"{rule.name}: Voltage L1 > 253.0 V: 2\N{MULTIPLICATION SIGN}") for rule in rules] == [1] * 22
    assert phone.values == list(range(LINES_AT_MOST))
    assert len(phone.texts) >= 5
    await end(task)


async def test_whoever_is_dismissed_meanwhile_is_told_no_more(site):
    phone = Phone()
    task = site.start(phone, "b")
    await site.until_told("b")
    await asyncio.to_thread(dismiss_others, site.path, "b", [])
    site.post(*events(2))
    await REAL_SLEEP(0.02)
    assert phone.texts == []
    await end(task)


async def test_recipients_that_are_gone_from_the_settings_are_forgotten(site):
    for name in ("apprise:x:1", "apprise:x:2", "telegram:7"):
        with_state(site.path, enroll, name)
    dismiss_others(site.path, "apprise:", ["apprise:x:2"])
    assert with_state(site.path, recipients) == ["a", "apprise:x:2", "telegram:7"]
    site.path.unlink()
    dismiss_others(site.path, "apprise:", [])
