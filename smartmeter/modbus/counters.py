"""What happened on a line or a connection, in numbers."""

from dataclasses import dataclass

from smartmeter.modbus.errors import (
    AnswerError,
    DamagedAnswerError,
    ExceptionAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    ShortAnswerError,
)


@dataclass(slots=True)
class LineCounters:
    """What happened on a line since it was first opened."""

    requests: int = 0
    answers: int = 0
    no_answer: int = 0
    short: int = 0
    damaged: int = 0
    foreign: int = 0
    exceptions: int = 0
    # Bytes that came outside of any answer, after a time-out or unasked.
    late_bytes: int = 0
    # Bytes that lay before an answer.
    stray_bytes: int = 0
    # For how long the line was used by requests, answers and the wait for those that did not come.
    busy_s: float = 0.0
    # Whole answers that nobody waited for any more, or twice, known by their transaction id; on a serial line those to
    # requests without an answer, known by unit, function and length. Their bytes are not counted above.
    late_answers: int = 0
    # Connections that were given up and made anew.
    reconnects: int = 0

    @property
    def failures(self) -> int:
        """The requests that got no good answer; the one that waits for its answer is none of them."""
        return self.no_answer + self.short + self.damaged + self.foreign + self.exceptions

    def count_failure(self, error: AnswerError) -> None:
        """Count what kind of failure this was."""
        match error:
            case NoAnswerError():
                self.no_answer += 1
            case ShortAnswerError():
                self.short += 1
            case ForeignAnswerError():
                self.foreign += 1
            case ExceptionAnswerError():
                self.exceptions += 1
            case DamagedAnswerError():
                self.damaged += 1
