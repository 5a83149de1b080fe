"""The small, quick movements of voltage and current, with integrals that can be written down.

A load that is switched on stays on for minutes, but neither its current nor the voltage stands still. Both are
multiplied by a factor near 1 that runs along straight lines between random points and repeats after five minutes. What
has been integrated up to any moment is then exact, so that a counter and the power that it counts never disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from random import Random

PERIOD_S = 300
KNOT_S = 5
KNOTS = PERIOD_S // KNOT_S

VOLTAGE_SPREAD = 0.002
CURRENT_SPREAD = 0.03


@dataclass(frozen=True, slots=True)
class Texture:
    """Factors of voltage and current at every knot of the period, and what they come to.

    `charge_s` is the integral of the current's factor up to a knot, `power_s` that of the product of both, in seconds.
    """

    voltage: Sequence[float]
    current: Sequence[float]
    charge_s: Sequence[float]
    power_s: Sequence[float]

    def factors(self, time_s: float) -> tuple[float, float]:
        """The factors of voltage and current at a time."""
        knot, part = _knot(time_s)
        voltage, current = self.voltage, self.current
        return (
            voltage[knot] + part * (voltage[knot + 1] - voltage[knot]),
            current[knot] + part * (current[knot + 1] - current[knot]),
        )

    def integrals(self, time_s: float) -> tuple[float, float]:
        """The integrals of the current's factor and of both factors' product since the period began, in seconds."""
        knot, part = _knot(time_s)
        voltages, currents = self.voltage[knot : knot + 2], self.current[knot : knot + 2]
        return (
            self.charge_s[knot] + KNOT_S * _integral((1.0, 1.0), currents, part),
            self.power_s[knot] + KNOT_S * _integral(voltages, currents, part),
        )


def random_texture(rng: Random) -> Texture:
    """A texture that nobody has seen before."""
    voltage = _knots(rng, VOLTAGE_SPREAD)
    current = _knots(rng, CURRENT_SPREAD)
    charge = (KNOT_S * _integral((1.0, 1.0), ends, 1.0) for ends in pairwise(current))
    power = (KNOT_S * _integral(*ends, 1.0) for ends in zip(pairwise(voltage), pairwise(current), strict=True))
    return Texture(voltage, current, tuple(accumulate(charge, initial=0.0)), tuple(accumulate(power, initial=0.0)))


def _knots(rng: Random, spread: float) -> tuple[float, ...]:
    knots = [1 + rng.uniform(-spread, spread) for _ in range(KNOTS)]
    return (*knots, knots[0])


def _knot(time_s: float) -> tuple[int, float]:
    knot, rest_s = divmod(time_s % PERIOD_S, KNOT_S)
    return int(knot), rest_s / KNOT_S


def _integral(first: Sequence[float], second: Sequence[float], part: float) -> float:
    """The integral from 0 to `part` of the product of two straight lines, given by their values at 0 and 1."""
    a, b = first[0], first[1] - first[0]
    c, d = second[0], second[1] - second[0]
    return part * (a * c + part * ((a * d + b * c) / 2 + part * b * d / 3))
