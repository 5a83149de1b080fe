"""Whether a USB adapter hands characters over only when a timer fires: seen by the moments at which answers arrive.

An FTDI chip collects characters until its latency timer fires, every 16 ms unless told otherwise, or 62 of them are
there. Short answers then arrive at moments that lie whole multiples of 16 ms apart, whenever they were asked for.
The requests are sent after random pauses. Without a timer the moments of arrival modulo 16 ms are thus spread evenly,
however regular the meter is; their differences modulo 16 ms are, too. On a circle of 16 ms the mean cosine of the
differences is about 0 then; with a timer it is nearly 1. Only neighbours are compared, because the timer's clock and
ours drift apart.
"""

import math
from collections.abc import Sequence

# What FTDI chips are delivered with (FTDI AN232B-04, section 3.3; the driver ftdi_sio keeps it).
USUAL_TIMER_S = 0.016
# Data bytes of a full packet, which is handed over at once.
PACKET_BYTES = 62
NEIGHBOURS = 5
# By chance less than one in 1,000 examinations with the fewest arrivals comes so far; with a timer one in eight answers
# may have been kept up on its way by half the time.
LEAST_FIT = 0.5
FEWEST_ARRIVALS = 16


def fit(arrivals_s: Sequence[float], timer_s: float = USUAL_TIMER_S) -> float | None:
    """How well the moments, in order, fit a timer: 1 if all of them do, about 0 by chance; None if they are too few."""
    if len(arrivals_s) < FEWEST_ARRIVALS:
        return None
    cosines = [
        math.cos(math.tau * (later_s - earlier_s) / timer_s)
        for index, earlier_s in enumerate(arrivals_s)
        for later_s in arrivals_s[index + 1 : index + 1 + NEIGHBOURS]
    ]
    return sum(cosines) / len(cosines)


def is_held_back(arrivals_s: Sequence[float], timer_s: float = USUAL_TIMER_S) -> bool:
    """Whether answers that were asked for at random moments arrived when a timer fired."""
    found = fit(arrivals_s, timer_s)
    return found is not None and found >= LEAST_FIT
