"""What can be found, and a finding: one plain sentence, the evidence for it, and one sentence of advice."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    # Of the port.
    "no_port",
    "no_permission",
    "other_process",
    "no_serial_port",
    "unreachable",
    "port_lost",
    "latency_timer",
    "mini_uart",
    "ch340_parity",
    # Of the line.
    "unasked",
    "echo",
    "stray_bytes",
    # Of a meter.
    "nothing_there",
    "wrong_format",
    "garbled",
    "two_meters",
    "noise",
    "broken_off",
    "pauses",
    "late",
    "silent_at_times",
    "refused",
    "exception",
    "gateway",
    "foreign",
    "repeated",
    "wrong_model",
]
# A fault wants mending; a note says what the program can live with.
Weight = Literal["fault", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with what: `where` is the bus or the meter.

    `what` says it in a sentence, `evidence` are the figures and bytes that show it, `advice` is what to do.
    """

    kind: Kind
    where: str
    what: str
    evidence: tuple[str, ...]
    advice: str
    weight: Weight = "fault"
