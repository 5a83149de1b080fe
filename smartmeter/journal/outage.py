"""A time during which the journal cannot be written: what it costs, and when to try again."""

import logging
from dataclasses import dataclass
from pathlib import Path

FIRST_PAUSE_S = 1.0
LAST_PAUSE_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Outage:
    """One outage, from the first write that fails to the next that does not.

    `affected` counts the readings that it kept from the disk, `lost_before` those that were lost earlier. `began_s` and
    `retry_at_s` are times of the monotonic clock.
    """

    path: Path
    error: str
    began_s: float
    affected: int
    lost_before: int
    retry_at_s: float = 0.0
    pause_s: float = FIRST_PAUSE_S

    def begin(self, capacity: int) -> None:
        _log.error(
            "The journal %s cannot be written: %s. Measuring and shipping go on; the newest %d readings are kept in "
            "memory until it can be written.",
            self.path,
            self.error,
            capacity,
        )
        self.retry_at_s = self.began_s + self.pause_s

    def failed_again(self, error: str, now_s: float) -> None:
        self.error = error
        self.pause_s = min(2 * self.pause_s, LAST_PAUSE_S)
        self.retry_at_s = now_s + self.pause_s

    def end(self, now_s: float, lost: int) -> None:
        _log.warning(
            "The journal %s is written again after %.0f s. Readings that were only in memory: %d; of these lost: %d.",
            self.path,
            now_s - self.began_s,
            self.affected,
            lost - self.lost_before,
        )
