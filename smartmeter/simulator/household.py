"""A day in a house: what its phases draw, minute by minute.

Made-up, but of a kind that people know from their own meters: a base load that is slightly capacitive, a refrigerator
that comes and goes, cooking, an evening, and a solar inverter on the last phase that feeds in around noon.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, hypot, pi, sin
from random import Random

from smartmeter.simulator.texture import Texture, random_texture

MINUTES_PER_DAY = 1440
MINUTE_S = 60
DAY_S = MINUTES_PER_DAY * MINUTE_S

# Below that a power factor means little, and no house draws less.
LEAST_APPARENT_POWER_VA = 8.0


@dataclass(frozen=True, slots=True)
class PhaseDay:
    """One phase over a day: voltage (V), current (A), cosine and sine of its angle, constant for every minute.

    `texture` is what moves within the minutes.
    """

    voltage: Sequence[float]
    current: Sequence[float]
    cosine: Sequence[float]
    sine: Sequence[float]
    texture: Texture


@cache
def day_of_house(seed: int, phases: int) -> tuple[PhaseDay, ...]:
    """The day of the house with this seed, one entry for every phase. The same seed gives the same house."""
    return tuple(
        _phase_day(Random(f"{seed}/{phase}"), solar=phase == phases)  # noqa: S311  # guards nothing
        for phase in range(1, phases + 1)
    )


def _phase_day(rng: Random, *, solar: bool) -> PhaseDay:
    texture = random_texture(rng)
    grid = rng.uniform(229.5, 231.5)
    voltages, currents, cosines, sines = array("d"), array("d"), array("d"), array("d")
    for minute, (active, reactive) in enumerate(_loads(rng, solar=solar)):
        apparent = hypot(active, reactive)
        # The grid is fuller by night, and every kilowatt costs its voltage on the cable to the house.
        voltage = grid + 1.2 * sin(2 * pi * (minute + 300) / MINUTES_PER_DAY) - active / 1100 + rng.uniform(-0.4, 0.4)
        voltages.append(voltage)
        currents.append(apparent / voltage)
        cosines.append(active / apparent)
        sines.append(reactive / apparent)
    return PhaseDay(voltages, currents, cosines, sines, texture)


def _loads(rng: Random, *, solar: bool) -> Iterator[tuple[float, float]]:
    """Active (W, negative when it feeds in) and reactive power (var) of every minute of a day."""
    base = rng.uniform(60, 160)
    fridge_period, fridge_start = rng.randrange(45, 75), rng.randrange(45)
    appliances = _appliances(rng)
    for minute in range(MINUTES_PER_DAY):
        active = base * rng.uniform(0.97, 1.03) + 220 * _bell(minute, around=1170, width=110)
        reactive = -0.35 * base
        if (minute + fridge_start) % fridge_period < fridge_period // 3:
            active += 85
            reactive += 95
        for start, end, power, tangent in appliances:
            if start <= minute < end:
                active += power
                reactive += tangent * power
        if solar:
            active -= 3200 * _bell(minute, around=720, width=135) * rng.uniform(0.8, 1.0)
        if hypot(active, reactive) < LEAST_APPARENT_POWER_VA:
            active, reactive = LEAST_APPARENT_POWER_VA, 0.0
        yield active, reactive


def _appliances(rng: Random) -> list[tuple[int, int, float, float]]:
    """What runs for a while: first minute, minute after the last, watts, tangent of its angle."""
    starts = [
        rng.randrange(first, last)
        for first, last in ((380, 480), (400, 500), (680, 760), (900, 1000), (1050, 1150), (1080, 1180), (1200, 1300))
    ]
    return [(start, start + rng.randrange(4, 45), rng.uniform(350, 2300), rng.uniform(0, 0.4)) for start in starts]


def _bell(minute: int, *, around: int, width: int) -> float:
    return exp(-(((minute - around) / width) ** 2))
