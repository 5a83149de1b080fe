"""Whether a USB adapter hands characters over only when a timer fires: seen by the moments at which answers arrive.

An FTDI chip collects characters until its latency timer fires, every 16 ms unless told otherwise, or 62 of them are
there. Short answers then arrive at moments that lie whole multiples of 16 ms apart, whenever they were asked for.
The requests are sent after random pauses. Without a timer the moments of arrival modulo 16 ms are thus spread evenly,
however regular the meter is; their differences modulo 16 ms are, too. On a circle of 16 ms the mean of the cosines of n
such differences is 0 then, with a standard deviation of sqrt(1 / 2n); with a timer it is nearly 1. Differences of
neighbours are taken because the timer's clock and ours drift apart.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

# What FTDI chips are delivered with (FTDI AN232B-04, section 3.3; the driver ftdi_sio keeps it).
USUAL_TIMER_S = 0.016
# Data bytes of a full packet, which is handed over at once.
PACKET_BYTES = 62
# By chance fewer than one in 10,000 is above: 3.9 standard deviations at the fewest differences.
LEAST_MEAN_COSINE = 0.7
FEWEST_DIFFERENCES = 15


def concentration(arrivals_s: Sequence[float], timer_s: float = USUAL_TIMER_S) -> float | None:
    """How well the moments fit a timer, from -1 to 1 (all of them do); None if there are too few to tell."""
    differences_s = [later_s - earlier_s for earlier_s, later_s in pairwise(arrivals_s)]
    if len(differences_s) < FEWEST_DIFFERENCES:
        return None
    return sum(math.cos(math.tau * each_s / timer_s) for each_s in differences_s) / len(differences_s)


def is_held_back(arrivals_s: Sequence[float], timer_s: float = USUAL_TIMER_S) -> bool:
    """Whether answers that were asked for at random moments arrived when a timer fired."""
    fit = concentration(arrivals_s, timer_s)
    return fit is not None and fit >= LEAST_MEAN_COSINE
