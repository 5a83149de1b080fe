"""What is known of a meter, for its owner: in lines of text, and as an object for programs."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from smartmeter.models import Model
from smartmeter.periods import local_time
from smartmeter.polling.known import KnownMeter, learned_of
from smartmeter.polling.learned import UNKNOWN, block_rules, describe_learned


def describe_known(known: KnownMeter, model: Model, zone: ZoneInfo) -> list[str]:
    """What is known of the meter, in words, one line each."""
    number = f"serial number {known.serial_number}, " if known.serial_number else ""
    since = f"{number}known since {local_time(known.since_us, zone):%Y-%m-%d %H:%M}"
    return [since, *describe_learned(learned_of(known, model), model)]


def known_as_json(known: KnownMeter, model: Model) -> dict[str, object]:
    """The same for programs: registers, milliseconds, and times in UTC."""
    learned = learned_of(known, model)
    rules = block_rules(learned, model)
    refused = rules.barriers - block_rules(UNKNOWN, model).barriers
    return {
        "serial_number": known.serial_number or None,
        "since": datetime.fromtimestamp(known.since_us / 1e6, UTC).isoformat(timespec="seconds"),
        "largest_block": learned.longest or None,
        "registers_per_request": rules.registers_per_request,
        "not_crossed": [
            {"function": gap.function, "address": gap.start, "count": gap.end - gap.start}
            for gap in sorted(refused, key=lambda gap: (gap.function, gap.start))
        ],
        "absent": sorted(learned.absent),
        "padding_refused": learned.padding_refused,
        "turnaround_ms": None if learned.turnaround_s is None else round(1000 * learned.turnaround_s, 1),
    }
