"""A sweep finds every register that a meter gives, whatever else it refuses."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.errors import DamagedAnswerError, ExceptionAnswerError, NoAnswerError
from smartmeter.polling.sweep import Stretch, sweep


class Meter:
    """Gives the registers of `there`, refuses the others and more than `most`; `failing` requests bring an error."""

    def __init__(self, there=range(65536), most=125, failing=None):
        self.there = set(there)
        self.most = most
        self.failing = failing or {}
        self.asked = []
        self.given = []

    async def read(self, request):
        self.asked.append((request.function, request.address, request.count))
        errors = self.failing.get(request.address, [])
        if errors:
            raise errors.pop(0)("no good", b"", b"")
        span = range(request.address, request.address + request.count)
        if request.count > self.most or not self.there.issuperset(span):
            raise ExceptionAnswerError(2, "exception 2", b"", b"")
        self.given += [(request.function, address) for address in span]
        return bytes(2 * request.count)


def swept(meter, *stretches, block=32):
    async def all_of_it():
        return [step async for step in sweep(1, stretches, block, meter.read)]

    return asyncio.run(all_of_it())


def counts(steps):
    return sum(step.read for step in steps), sum(step.refused for step in steps)


@given(
    st.sets(st.integers(0, 150)),
    st.integers(1, 125),
    st.integers(0, 100),
    st.integers(0, 50),
    st.integers(1, 125),
)
def test_all_that_is_there_is_found_once(there, most, first, more, block):
    meter = Meter(there, most)
    steps = swept(meter, Stretch(4, first, first + more), block=block)
    found = sorted(there & set(range(first, first + more + 1)))
    assert meter.given == [(4, address) for address in found]
    assert counts(steps) == (len(found), more + 1 - len(found))
    assert all(step.error is None for step in steps)


def test_stretches_follow_each_other_and_halves_are_pairs():
    meter = Meter(most=6)
    assert counts(swept(meter, Stretch(4, 0, 9), Stretch(3, 7, 7), block=10)) == (11, 0)
    assert meter.asked == [(4, 0, 10), (4, 0, 6), (4, 6, 4), (3, 7, 1)]


def test_where_values_begin_at_odd_addresses_a_sweep_that_does_so_finds_them():
    class Whole(Meter):
        async def read(self, request):
            if request.address % 2 == 0 or request.count % 2:
                raise ExceptionAnswerError(2, "exception 2", b"", b"")
            return await super().read(request)

    meter = Whole({1, 2, 5, 6, 7, 8})
    assert counts(swept(meter, Stretch(4, 1, 20))) == (6, 14)


def test_what_fails_is_asked_for_twice_and_then_left_out():
    meter = Meter(failing={0: [DamagedAnswerError], 8: [NoAnswerError, DamagedAnswerError]})
    steps = swept(meter, Stretch(3, 0, 23), block=8)
    assert counts(steps) == (16, 0)
    assert [type(step.error) for step in steps if step.error] == [DamagedAnswerError]
    assert [address for _, address, _ in meter.asked] == [0, 0, 8, 8, 16]


@pytest.mark.parametrize(("errors", "asked"), [(NoAnswerError, 2), (DamagedAnswerError, 10)])
def test_where_nobody_answers_nobody_is_asked_for_long(errors, asked):
    meter = Meter(failing={address: [errors] * 2 for address in range(0, 100, 10)})
    assert counts(swept(meter, Stretch(3, 0, 99), block=10)) == (0, 0)
    assert len(meter.asked) == 2 * asked
