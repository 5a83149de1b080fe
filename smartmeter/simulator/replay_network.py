"""A recorded bus behind a network."""

from collections.abc import Iterator

from smartmeter.recording.exchanges import answers
from smartmeter.recording.parts import Frame
from smartmeter.simulator.faults import NO_FAULTS, Faults
from smartmeter.simulator.replay import Replay
from smartmeter.simulator.tcp import Answering, NetworkAnswer
from smartmeter.simulator.wire import NO_FRAME


def rtu_answering(replay: Replay) -> Answering:
    """What comes over a transparent gateway: everything, as it came."""

    def answering(unit: int, request: bytes) -> Iterator[NetworkAnswer]:
        for reply in replay.replies(Frame(unit, request)):
            if isinstance(reply.content, Frame):
                yield NetworkAnswer(reply.turnaround_s, reply.content.unit, reply.content.pdu, NO_FAULTS)
            else:
                yield NetworkAnswer(reply.turnaround_s, unit, NO_FRAME, Faults(garbage=reply.content))

    return answering


def tcp_answering(replay: Replay) -> Answering:
    """What comes on Modbus TCP: of each request the first answer to it, as gateways let nothing else through."""

    def answering(unit: int, request: bytes) -> Iterator[NetworkAnswer]:
        asked = Frame(unit, request)
        for reply in replay.replies(asked):
            if isinstance(reply.content, Frame) and answers(asked, reply.content):
                yield NetworkAnswer(reply.turnaround_s, unit, reply.content.pdu, NO_FAULTS)
                return

    return answering
