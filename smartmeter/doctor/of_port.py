"""Findings about a port: whether it can be used, and what stands between it and the line."""

import errno
from collections.abc import Iterator

from smartmeter.doctor.evidence import BusEvidence, Exchange, Holder
from smartmeter.doctor.figures import first_byte_s
from smartmeter.doctor.finding import Finding
from smartmeter.doctor.latency_timer import PACKET_BYTES, USUAL_TIMER_S, fit, is_held_back
from smartmeter.modbus.errors import PortBusyError, PortError, PortGoneError
from smartmeter.modbus.frames import answer_length
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.ports import SerialPort, parse_port

# A timer this short costs less than what can be measured.
HARMLESS_TIMER_MS = 2
# QinHeng CH340 and CH341 (usb.ids).
CH340 = ("1a86:7523", "1a86:5523")

_MISSING = (errno.ENOENT, errno.ENODEV, errno.ENXIO)


def port_findings(evidence: BusEvidence) -> Iterator[Finding]:
    """What is wrong with the port."""
    if evidence.port_error is not None:
        yield _unusable(evidence, evidence.port_error)
    elif evidence.port.holders:
        yield _shared(evidence.bus.name, evidence.bus.port, evidence.port.holders)
    yield from _held_back(evidence)
    yield from _parity(evidence)


def _unusable(evidence: BusEvidence, error: PortError) -> Finding:
    where, port = evidence.bus.name, evidence.bus.port
    code = getattr(error.__cause__, "errno", None)
    if isinstance(error, PortBusyError):
        return _shared(where, port, evidence.port.holders)
    if evidence.meters or isinstance(error, PortGoneError):
        return Finding(
            "port_lost",
            where,
            f"{port} went away while it was used.",
            (str(error),),
            "Plug the adapter in firmly, try another cable or another USB socket, and a hub with its own supply.",
        )
    if not isinstance(parse_port(port), SerialPort):
        return Finding(
            "unreachable",
            where,
            f"Nothing can be reached at {port}.",
            (str(error),),
            "Check the address and port of the gateway, its supply and the network cable; some gateways serve one "
            "program at a time.",
        )
    if code in {errno.EACCES, errno.EPERM}:
        return _forbidden(evidence, error)
    return _no_port(where, port, error, is_missing=code in _MISSING)


def _no_port(where: str, port: str, error: PortError, *, is_missing: bool) -> Finding:
    advice = "Plug the adapter in and name its port; `ls /dev/serial/by-id/` lists those that are, by names that stay."
    if is_missing:
        return Finding("no_port", where, f"There is no port {port}.", (str(error),), advice)
    return Finding("no_serial_port", where, f"{port} cannot be used as a serial port.", (str(error),), advice)


def _forbidden(evidence: BusEvidence, error: PortError) -> Finding:
    access = evidence.port.access
    shown: tuple[str, ...] = (str(error),)
    group, user = "dialout", "USER"
    if access is not None:
        group, user = access.group, access.user
        groups = ", ".join(sorted(access.groups))
        shown = (
            f"{evidence.bus.port} is {access.mode}, owner {access.owner}, group {access.group}",
            f"this is user {access.user}, in the groups {groups}",
        )
        if group in access.groups or group == "root" or access.mode[4:6] != "rw":
            # The group does not help, or must not be given away.
            return Finding(
                "no_permission",
                evidence.bus.name,
                f"The user {user} may not use {evidence.bus.port}.",
                shown,
                f"Give the port to the group dialout, as udev does with serial ports: `sudo chgrp dialout "
                f"{evidence.bus.port} && sudo chmod g+rw {evidence.bus.port}`.",
            )
    return Finding(
        "no_permission",
        evidence.bus.name,
        f"The user {user} may not use {evidence.bus.port}.",
        shown,
        f"Add the user to the group: `sudo usermod -aG {group} {user}`, then log in again.",
    )


def _shared(where: str, port: str, holders: tuple[Holder, ...]) -> Finding:
    advice = f"End it, or give it another port; `sudo fuser -v {port}` names it."
    if holders:
        advice = "End it, or give it another port; two programs on one line spoil each other's answers."
    if any("smartmeter" in holder.command for holder in holders):
        advice = (
            "If that is the service, stop it for as long as you look: `sudo systemctl stop smartmeter`, and afterwards "
            "`sudo systemctl start smartmeter`."
        )
    shown = tuple(str(holder) for holder in holders) or ("it belongs to another user, so that its name is not known",)
    return Finding("other_process", where, f"Another process uses {port}.", shown, advice)


def _held_back(evidence: BusEvidence) -> Iterator[Finding]:
    port, timer_ms = parse_port(evidence.bus.port), evidence.port.latency_timer_ms
    if not isinstance(port, SerialPort):
        return
    shown = []
    if timer_ms is not None and timer_ms > HARMLESS_TIMER_MS:
        shown.append(f"its driver says so: latency_timer is {timer_ms}")
    answers = [
        exchange
        for meter in evidence.meters
        for exchange in meter.exchanges
        if exchange.data is not None and exchange.answer and answer_length(exchange.request) < PACKET_BYTES
    ]
    if timer_ms is None and is_held_back(_arrivals(answers)):
        shown.append(_lock(answers, evidence))
    if shown:
        yield Finding(
            "latency_timer",
            evidence.bus.name,
            f"The adapter at {port} holds characters back for {timer_ms or round(1000 * USUAL_TIMER_S)} ms.",
            tuple(shown),
            f"Have it hand them over at once: `sudo setserial {port.path} low_latency`, or for good by the udev rule "
            "in docs/operation.md, which sets the timer of FTDI adapters to 1 ms.",
        )


def _arrivals(answers: list[Exchange]) -> list[float]:
    return [exchange.answer[0].at_s for exchange in answers]


def _lock(answers: list[Exchange], evidence: BusEvidence) -> str:
    begun_s = [first_byte_s(exchange, evidence.line) for exchange in answers]
    return (
        f"{len(answers)} short answers arrived whole multiples of {1000 * USUAL_TIMER_S:.0f} ms apart, although they "
        f"were asked for at random moments (fit {fit(_arrivals(answers)) or 0:.2f} of 1, by chance 0); they began "
        f"{1000 * min(begun_s):.0f} to {1000 * max(begun_s):.0f} ms after the request"
    )


def _parity(evidence: BusEvidence) -> Iterator[Finding]:
    line, name = evidence.line, evidence.bus.name
    if not isinstance(line, SerialFormat):
        return
    if evidence.port.is_mini_uart and (line.parity != "N" or line.stopbits != 1):
        yield Finding(
            "mini_uart",
            name,
            f"{evidence.bus.port} is the mini UART of the Raspberry Pi, which knows no parity and one stop bit only.",
            (f"the line is set to {line}",),
            "Put `dtoverlay=disable-bt` into /boot/firmware/config.txt and start anew; /dev/serial0 is the good one.",
        )
    if evidence.port.adapter in CH340 and line.parity != "N":
        answered = any(meter.has_answered for meter in evidence.meters)
        yield Finding(
            "ch340_parity",
            name,
            "The adapter is a CH340, and older kernels mishandle its parity.",
            (f"USB id {evidence.port.adapter}", f"the line is set to {line}"),
            "Nothing need be done as long as the meters answer."
            if answered
            else "Take an adapter with an FTDI chip, a newer kernel, or set meter and line to no parity.",
            "note",
        )
