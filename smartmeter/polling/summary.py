"""What happened on the lines, in words for the log."""

from smartmeter.modbus.counters import LineCounters
from smartmeter.polling.meter_state import MeterState


def describe_line(counters: LineCounters) -> str:
    """The counts of a line, those that are zero left out."""
    troubles = {
        "without answer": counters.no_answer,
        "broken off": counters.short,
        "damaged": counters.damaged,
        "of another request": counters.foreign,
        "exceptions": counters.exceptions,
        "bytes too late": counters.late_bytes,
        "stray bytes": counters.stray_bytes,
        "answers too late": counters.late_answers,
        "connections made anew": counters.reconnects,
    }
    counted = [f"{count} {name}" for name, count in troubles.items() if count]
    return ", ".join([f"{counters.requests} requests", f"{counters.answers} answers", *counted])


def describe_meter(state: MeterState) -> str:
    """The counts of a meter, those that are zero left out."""
    counted = [f"{state.readings} readings"]
    if state.skipped:
        counted.append(f"{state.skipped} rounds skipped because the line was busy")
    failures = state.failures.total()
    if failures:
        counted.append(f"{failures} attempts failed")
    return ", ".join(counted)
