"""What the counter guard found and left to the owner, and what the owner decides."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from smartmeter.cli.kept import change_decisions, database_of
from smartmeter.errors import SmartmeterError
from smartmeter.measurands import measurands
from smartmeter.periods import local_time
from smartmeter.settings.model import Settings

if TYPE_CHECKING:
    from smartmeter.history import FlagRow, History
    from smartmeter.journal.decisions import Decision

ALL = "all"
_EVER_US = (-(2**61), 2**61)


class RepairError(SmartmeterError):
    """What was asked for is not in the list."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What can be decided or has been: a jump of a counter, with its flag as long as that is kept, or a replaced meter.

    `decisions` is what says that the jump counts, or that the meter was replaced, counter by counter.
    """

    decisions: tuple["Decision", ...]
    is_decided: bool
    flag: "FlagRow | None"


def repair(settings: Settings, apply: Sequence[str] | None, undo: Sequence[str] | None) -> None:
    """List what there is to decide; or decide on the numbers in `apply`, or take back those in `undo`.

    Raises SmartmeterError.
    """
    findings, others = asyncio.run(_found(settings))
    zone = ZoneInfo(settings.timezone)
    if apply is None and undo is None:
        for number, finding in enumerate(findings, 1):
            print(f"{number:3}  {_described(finding, zone)}")
        print(_summary(findings, others))
        return
    chosen = _chosen(findings, apply if apply is not None else undo or (), is_decided=undo is not None)
    decisions = [decision for finding in chosen for decision in finding.decisions]
    if not decisions:
        print("There is nothing to decide." if undo is None else "There is nothing to undo.")
        return
    change_decisions(settings, decisions if undo is None else (), decisions if undo is not None else ())
    for finding in chosen:
        print(f"{'counted' if undo is None else 'taken back'}: {_described(finding, zone)}")


async def _found(settings: Settings) -> tuple[list[Finding], int]:
    """What can be decided or has been, in order of time, and how many other flags there are."""
    flags: dict[tuple[str, str, int], FlagRow] = {}
    for history in _histories(settings):
        try:
            for meter in await history.meters():
                flags |= {(meter, flag.measurand, flag.time_us): flag for flag in await history.flags(meter, *_EVER_US)}
        finally:
            await history.close()
    decisions = set(await _decisions(settings))
    jumps = {key: flag for key, flag in flags.items() if flag.kind == "jump"}
    findings = [*_jumps(jumps, decisions), *_replacements(decisions)]
    findings.sort(key=lambda finding: (finding.decisions[0].time_us, finding.decisions[0].meter))
    return findings, len(flags) - len(jumps)


def _histories(settings: Settings) -> Iterable["History"]:
    if settings.journal.path.exists():
        from smartmeter.journal.history import JournalHistory  # noqa: PLC0415

        yield JournalHistory(settings.journal.path)
    target = database_of(settings)
    if target is not None:
        from smartmeter.sinks.postgresql.history import PostgresqlHistory  # noqa: PLC0415

        meters = [meter for bus in settings.buses for meter in bus.meters]
        yield PostgresqlHistory(target.settings, meters, target.language)


async def _decisions(settings: Settings) -> Iterable["Decision"]:
    from smartmeter.journal import decisions as journal  # noqa: PLC0415

    made = journal.decisions_in(settings.journal.path) if settings.journal.path.exists() else []
    target = database_of(settings)
    if target is not None:
        from smartmeter.sinks.postgresql import decisions as database  # noqa: PLC0415

        made += await database.decisions_in(target)
    return made


def _jumps(flags: dict[tuple[str, str, int], "FlagRow"], decisions: Iterable["Decision"]) -> Iterable[Finding]:
    from smartmeter.journal.decisions import Decision  # noqa: PLC0415

    counted = {(each.meter, each.measurand, each.time_us) for each in decisions if each.kind == "counted"}
    for key in {*flags, *counted}:
        yield Finding((Decision(*key, kind="counted"),), key in counted, flags.get(key))


def _replacements(decisions: Iterable["Decision"]) -> Iterable[Finding]:
    by_moment: dict[tuple[str, int], list[Decision]] = {}
    for decision in decisions:
        if decision.kind == "replaced":
            by_moment.setdefault((decision.meter, decision.time_us), []).append(decision)
    for made in by_moment.values():
        yield Finding(tuple(sorted(made, key=lambda each: each.measurand)), is_decided=True, flag=None)


def _chosen(findings: Sequence[Finding], numbers: Sequence[str], *, is_decided: bool) -> list[Finding]:
    if ALL in numbers:
        return [finding for finding in findings if finding.is_decided == is_decided]
    chosen = []
    for text in numbers:
        if not text.isdecimal() or not 1 <= int(text) <= len(findings):
            raise RepairError(f"there is no number {text}; `smartmeter db repair` lists them")
        finding = findings[int(text) - 1]
        if finding.is_decided != is_decided:
            raise RepairError(f"number {text} is {'not decided' if is_decided else 'decided already'}")
        chosen.append(finding)
    return chosen


def _described(finding: Finding, zone: ZoneInfo) -> str:
    first = finding.decisions[0]
    moment = f"{local_time(first.time_us, zone):%Y-%m-%d %H:%M:%S}  {first.meter}"
    if first.kind == "replaced":
        return f"{moment}  the meter was replaced; decided for {len(finding.decisions)} counters"
    if finding.flag is None:
        return f"{moment}  {first.measurand}: a jump, its readings are gone"
    before, value = finding.flag.before, finding.flag.value
    energy = f"{value - before:g} {measurands()[first.measurand].unit}"
    what = f"is counted: {energy}" if finding.is_decided else f"is left out; counting it would add {energy}"
    return f"{moment}  {first.measurand}: the jump from {before:g} to {value:g} {what}"


def _summary(findings: Sequence[Finding], others: int) -> str:
    undecided = sum(not finding.is_decided for finding in findings)
    lines = [f"To decide: {undecided}; decided: {len(findings) - undecided}."]
    if undecided:
        lines.append("Count jumps as energy: smartmeter db repair --apply N")
    if undecided < len(findings):
        lines.append("Take decisions back: smartmeter db repair --undo N")
    if others:
        lines.append(f"Found besides, with nothing to decide: {others} false values, resets and replaced meters.")
    return "\n".join(lines)
