"""Pairing by a one-time code, whatever is tried, whenever, by whomever."""

# ruff: noqa: RUF001 - dashes and letters as people see and write them

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.alarms.outbox import enroll, recipients
from smartmeter.bot.pairing import (
    CLOSED_US,
    CODE_VALID_US,
    Chat,
    chats,
    closed_for_us,
    issue_code,
    remove_chat,
    renumber_chat,
    reopen,
    try_code,
)
from smartmeter.state import create_state, with_state
from tests.bot.made_up import MadeUpClock

ANNA, BEN = Chat(1, "Anna", 10), Chat(2, "Ben", 20)


@pytest.fixture
def path(tmp_path):
    create_state(tmp_path / "state.db")
    return tmp_path / "state.db"


@pytest.fixture
def clock():
    return MadeUpClock()


def issue(path, clock, boot="this-boot"):
    return with_state(path, issue_code, clock.moment(boot))


def attempt(path, clock, code, chat=ANNA, boot="this-boot"):
    return with_state(path, try_code, code, chat, clock.moment(boot))


def test_a_code_pairs_one_chat_once(path, clock):
    code = issue(path, clock)
    assert re.fullmatch("[A-HJKMNP-Z2-9]{8}", code)
    assert attempt(path, clock, code) == "paired"
    assert attempt(path, clock, code, BEN) == "wrong"
    assert with_state(path, chats) == [ANNA]


@pytest.mark.parametrize("written", ["{}", " {} ", "{lower}", "{lower} \n"])
def test_case_and_spaces_do_not_matter(path, clock, written):
    code = issue(path, clock)
    assert attempt(path, clock, written.format(code, lower=code.lower())) == "paired"


def test_nor_do_spaces_within(path, clock):
    code = issue(path, clock)
    assert attempt(path, clock, f"{code[:4]} {code[4:]}") == "paired"


@pytest.mark.parametrize("given", ["", "ß", "\ud83d", "\0", "ſ" * 8, "x" * 4096, "ＡＡＡＡＡＡＡＡ"])
def test_odd_text_is_wrong_and_counts(path, clock, given):
    issue(path, clock)
    assert [attempt(path, clock, given) for _ in range(5)] == ["wrong"] * 4 + ["closing"]


def test_no_code_no_entry(path, clock):
    assert attempt(path, clock, "") == "wrong"
    assert attempt(path, clock, "None") == "wrong"


def test_a_code_is_valid_for_ten_minutes_by_the_clock_that_nobody_sets(path, clock):
    code = issue(path, clock)
    clock.wall_us += 10 * CODE_VALID_US
    clock.monotonic_us += CODE_VALID_US - 1
    assert attempt(path, clock, code) == "paired"
    code = issue(path, clock)
    clock.wall_us -= 10 * CODE_VALID_US
    clock.monotonic_us += CODE_VALID_US
    assert attempt(path, clock, code, BEN) == "wrong"


@pytest.mark.parametrize(
    ("later_us", "outcome"),
    [(0, "paired"), (CODE_VALID_US - 1, "paired"), (CODE_VALID_US, "wrong"), (-1, "wrong"), (-(10**15), "wrong")],
)
def test_across_a_boot_the_wall_clock_decides_and_one_that_went_back_ends_it(path, clock, later_us, outcome):
    code = issue(path, clock)
    clock.wall_us += later_us
    clock.monotonic_us = 5
    assert attempt(path, clock, code, boot="next-boot") == outcome


def test_a_new_code_takes_the_place_of_the_last(path, clock):
    old, new = issue(path, clock), issue(path, clock)
    assert attempt(path, clock, old) == "wrong"
    assert attempt(path, clock, new) == "paired"


def test_five_wrong_codes_of_whomever_close_for_an_hour_and_end_the_code(path, clock):
    code = issue(path, clock)
    tries = [attempt(path, clock, "WRONG", Chat(number, "x", 0)) for number in range(5)]
    assert tries == ["wrong"] * 4 + ["closing"]
    assert attempt(path, clock, code) == "closed"
    assert issue(path, clock) is None
    clock.advance(CLOSED_US / 1e6 - 0.000001)
    assert with_state(path, closed_for_us, clock.moment()) == 1
    assert attempt(path, clock, code) == "closed"
    clock.advance(0.000001)
    assert with_state(path, closed_for_us, clock.moment()) == 0
    # The count begins anew; the code of before is dead.
    assert attempt(path, clock, code) == "wrong"
    assert attempt(path, clock, issue(path, clock)) == "paired"


def test_tries_while_it_is_closed_do_not_prolong_it(path, clock):
    for _ in range(5):
        attempt(path, clock, "WRONG")
    clock.advance(1800)
    for _ in range(20):
        assert attempt(path, clock, "WRONG") == "closed"
    assert with_state(path, closed_for_us, clock.moment()) == CLOSED_US // 2


def test_after_the_hour_there_are_five_tries_again(path, clock):
    for _ in range(5):
        attempt(path, clock, "WRONG")
    clock.advance(3600)
    assert [attempt(path, clock, "WRONG") for _ in range(5)] == ["wrong"] * 4 + ["closing"]


def test_it_is_not_closed_for_years_by_a_clock_that_was_wrong(path, clock):
    clock.wall_us += 10**15
    for _ in range(5):
        attempt(path, clock, "WRONG")
    clock.wall_us -= 10**15
    assert with_state(path, closed_for_us, clock.moment()) == CLOSED_US
    assert with_state(path, closed_for_us, clock.moment("next-boot")) == 0


def test_the_owner_opens_it_again(path, clock):
    for _ in range(5):
        attempt(path, clock, "WRONG")
    with_state(path, reopen)
    code = issue(path, clock)
    assert [attempt(path, clock, "WRONG") for _ in range(4)] == ["wrong"] * 4
    assert attempt(path, clock, code) == "paired"


def test_a_good_code_and_a_new_one_begin_the_count_anew(path, clock):
    for _ in range(3):
        for _ in range(4):
            assert attempt(path, clock, "WRONG") == "wrong"
        assert attempt(path, clock, issue(path, clock)) == "paired"


def test_many_at_a_time_with_one_code_are_one(path, clock):
    code = issue(path, clock)
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda number: attempt(path, clock, code, Chat(number, "x", 0)), range(4)))
    assert sorted(outcomes) == ["paired", "wrong", "wrong", "wrong"]
    assert len(with_state(path, chats)) == 1


def test_a_chat_that_is_removed_is_told_no_more(path, clock):
    with_state(path, try_code, issue(path, clock), ANNA, clock.moment())
    with_state(path, enroll, ANNA.recipient)
    assert with_state(path, remove_chat, ANNA.id)
    assert with_state(path, chats) == []
    assert with_state(path, recipients) == []
    assert not with_state(path, remove_chat, ANNA.id)


def test_a_group_that_gets_another_number_stays_paired_and_enrolled(path, clock):
    with_state(path, try_code, issue(path, clock), Chat(-5, "Us", 1), clock.moment())
    with_state(path, enroll, "telegram:-5")
    assert with_state(path, renumber_chat, -5, -1005)
    assert not with_state(path, renumber_chat, -5, -1005)
    assert with_state(path, chats) == [Chat(-1005, "Us", 1)]
    assert with_state(path, recipients) == ["telegram:-1005"]
    # Who is not paired does not become so, nor told.
    with_state(path, enroll, "telegram:-7")
    assert not with_state(path, renumber_chat, -7, -8)
    assert with_state(path, chats) == [Chat(-1005, "Us", 1)]
    assert "telegram:-8" not in with_state(path, recipients)


class Model:
    """What the issue says, told anew: a code, since when, wrong ones, closed since when."""

    def __init__(self):
        self.code = self.closed_us = None
        self.issued_us = self.wrong = 0

    def is_closed(self, now_us):
        return self.closed_us is not None and now_us - self.closed_us < CLOSED_US

    def open_if_over(self, now_us):
        if self.closed_us is not None and not self.is_closed(now_us):
            self.closed_us, self.wrong = None, 0

    def issue(self, code, now_us):
        self.open_if_over(now_us)
        self.code, self.issued_us, self.wrong = code, now_us, 0

    def attempt(self, code, now_us):
        if self.is_closed(now_us):
            return "closed"
        self.open_if_over(now_us)
        if self.code and code == self.code and now_us - self.issued_us < CODE_VALID_US:
            self.code, self.wrong = None, 0
            return "paired"
        self.wrong += 1
        if self.wrong < 5:
            return "wrong"
        self.code, self.closed_us = None, now_us
        return "closing"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("issue"), st.none()),
        st.tuples(st.just("right"), st.integers(1, 3)),
        st.tuples(st.just("wrong"), st.integers(1, 3)),
        st.tuples(st.just("wrong"), st.integers(1, 3)),
        st.tuples(st.just("wait"), st.sampled_from((1, 599, 600, 1800, 3600))),
    ),
    max_size=40,
)


@given(STEPS)
def test_any_sequence_of_tries_goes_as_the_rules_say(steps):
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        "CREATE TABLE chat (id INTEGER PRIMARY KEY, title TEXT, paired_us INTEGER);"
        "CREATE TABLE pairing (id INTEGER PRIMARY KEY, code TEXT, issued TEXT, wrong INTEGER, closed TEXT);"
        "INSERT INTO pairing (id, wrong) VALUES (1, 0)"
    )
    clock, model, code, paired = MadeUpClock(), Model(), "none yet", set()
    for what, with_ in steps:
        now_us = clock.monotonic_us
        if what == "wait":
            clock.advance(with_)
        elif what == "issue":
            issued = issue_code(connection, clock.moment())
            assert (issued is None) == model.is_closed(now_us)
            if issued is not None:
                model.issue(issued, now_us)
                code = issued
        else:
            tried = code if what == "right" else "WRONG"
            outcome = try_code(connection, tried, Chat(with_, "x", 0), clock.moment())
            assert outcome == model.attempt(tried, now_us)
            if outcome == "paired":
                paired.add(with_)
                code = "used up"
    assert {chat.id for chat in chats(connection)} == paired
    connection.close()
