from collections import Counter

from smartmeter.modbus.rtu import LineCounters
from smartmeter.polling.meter_state import MeterState
from smartmeter.polling.summary import describe_line, describe_meter


def test_a_clean_line_has_requests_and_answers_only():
    assert describe_line(LineCounters(requests=4, answers=4)) == "4 requests, 4 answers"


def test_every_kind_of_trouble_is_told_apart():
    counters = LineCounters(9, 3, 1, 2, 3, 4, 5, 6, 7)
    assert describe_line(counters) == (
        "9 requests, 3 answers, 1 without answer, 2 broken off, 3 damaged, 4 of another request, 5 exceptions, "
        "6 bytes too late, 7 stray bytes"
    )


def test_a_meter_tells_what_was_skipped_and_what_failed():
    assert describe_meter(MeterState(readings=2)) == "2 readings"
    state = MeterState(readings=2, skipped=1, failures=Counter(NoAnswerError=3, DamagedAnswerError=1))
    assert describe_meter(state) == "2 readings, 1 rounds skipped because the line was busy, 4 attempts failed"
