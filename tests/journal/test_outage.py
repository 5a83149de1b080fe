from pathlib import Path

from smartmeter.journal.outage import LAST_PAUSE_S, Outage


def test_tries_again_after_a_second_then_less_and_less_often():
    outage = Outage(Path("smartmeter.db"), "full", 100.0, affected=0, lost_before=0)
    outage.begin(10_000)
    now_s, pauses_s = 100.0, []
    for _ in range(8):
        pauses_s.append(outage.retry_at_s - now_s)
        now_s = outage.retry_at_s
        outage.failed_again("still full", now_s)
    assert pauses_s == [1, 2, 4, 8, 16, 32, LAST_PAUSE_S, LAST_PAUSE_S]
    assert outage.error == "still full"
