"""Listening in on a connection: what goes out and what comes in, and when."""

from collections.abc import Callable
from enum import StrEnum


class Direction(StrEnum):
    """Which way bytes go, as the program sees it."""

    SENT = "sent"
    RECEIVED = "received"
    # Between others, one way or the other.
    HEARD = "heard"


# Is told of all bytes that are handed over at once: which way they go, and the monotonic time in seconds.
Tap = Callable[[Direction, float, bytes], None]
