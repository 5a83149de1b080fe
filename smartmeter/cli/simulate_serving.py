"""Serving virtual meters until a signal comes, and saying how to read them."""

import argparse
import asyncio
import itertools
import shlex
import signal
from collections.abc import Sequence

from smartmeter.cli.simulate_options import DEFAULT_TURNAROUND_MS, line_faults
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.ports import TcpPort
from smartmeter.models import Model
from smartmeter.simulator.delivery import Delivery
from smartmeter.simulator.frames import ASCII, RTU
from smartmeter.simulator.line import VirtualLine
from smartmeter.simulator.meter import VirtualMeter

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MBPOLL_VALUES = 3
# What mbpoll adds to the kind of register for a type.
MBPOLL_TYPES = {"float32": ":float", "u32": ":int", "s32": ":int", "u16": "", "s16": ":int16"}


def serve_line(meters: Sequence[VirtualMeter], args: argparse.Namespace) -> None:
    """Serve the meters on a pseudo-terminal until a signal comes.

    Raises LinkError.
    """
    form = None if args.settings else _line_format(meters[0].model.serial, args)
    # Blocked before the line's thread starts, which inherits that: the signals wait for us.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        line = VirtualLine(
            form,
            meters,
            args.link,
            turnaround_s=DEFAULT_TURNAROUND_MS / 1000,
            faults=line_faults(args),
            delivery=Delivery(usb_latency_s=None if args.usb_latency_ms is None else args.usb_latency_ms / 1000),
            framing=ASCII if args.ascii else RTU,
        )
        with line:
            port = f"ascii://{line.path.absolute()}" if args.ascii else str(line.path)
            first = meters[0]
            settings = _as_options(form or first.format)
            read = f"--port {shlex.quote(port)} --model {first.model.name} --address {first.address} {settings}"
            if form is None:
                print(f"{_who_and_how(meters)} on {line.path}; read it with: smartmeter read {read}", flush=True)
            else:
                print(f"{_who(meters)} on {line.path}, {form}; read it with: smartmeter read {read}", flush=True)
            signal.sigwait(ENDING_SIGNALS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


async def serve_network(meters: Sequence[VirtualMeter], args: argparse.Namespace) -> None:
    """Serve the meters over a network until a signal comes.

    Raises TcpServerError.
    """
    from smartmeter.simulator.tcp import tcp_server, udp_server  # noqa: PLC0415  # a serial line needs none of it

    ended = asyncio.Event()
    for ending in ENDING_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(ending, ended.set)
    serving = tcp_server(meters, args.host, args.tcp, rtu=args.rtu) if args.udp is None else None
    async with serving or udp_server(meters, args.host, args.udp) as (host, port):
        meter = meters[0]
        what, kind = _network_kind(args)
        where = TcpPort(host, port).where
        read = f"smartmeter read --port {kind}://{where} --model {meter.model.name} --address {meter.address}"
        if kind == "tcp":
            read = f"mbpoll -m tcp -p {port} -a {meter.address} {_mbpoll_words(meter.model)} {host}"
        print(f"{_who(meters)} on {what} {host} port {port}; read it with: {read}", flush=True)
        await ended.wait()


def _network_kind(args: argparse.Namespace) -> tuple[str, str]:
    if args.udp is not None:
        return "RTU over UDP", "rtu+udp"
    return ("RTU over TCP", "rtu+tcp") if args.rtu else ("Modbus TCP", "tcp")


def _line_format(usual: SerialFormat, args: argparse.Namespace) -> SerialFormat:
    return SerialFormat(
        baudrate=args.baudrate or usual.baudrate,
        bytesize=usual.bytesize,
        parity=args.parity or usual.parity,
        stopbits=args.stopbits or usual.stopbits,
    )


def _as_options(form: SerialFormat) -> str:
    return f"--baudrate {form.baudrate} --parity {form.parity} --stopbits {form.stopbits}"


def _mbpoll_words(model: Model) -> str:
    """How mbpoll, which counts registers from 1, reads the first values that it can."""
    known = [each for each in model.registers.values() if each.type in MBPOLL_TYPES]
    if not known:
        return "-t 4 -r 1 -c 1"
    first = known[0]
    kind = {3: "4", 4: "3"}[first.function] + MBPOLL_TYPES[first.type]
    high_word_first = " -B" if first.count > 1 and first.order == "big" else ""
    alike = {each.address for each in known if (each.function, each.type) == (first.function, first.type)}
    addresses = itertools.count(first.address, first.count)
    values = len(list(itertools.takewhile(alike.__contains__, addresses)))
    return f"-t {kind}{high_word_first} -r {first.address + 1} -c {min(values, MBPOLL_VALUES)}"


def _who(meters: Sequence[VirtualMeter]) -> str:
    return ", ".join(f"{meter.model.name} at address {meter.address}" for meter in meters)


def _who_and_how(meters: Sequence[VirtualMeter]) -> str:
    return ", ".join(f"{meter.model.name} at address {meter.address} ({meter.format})" for meter in meters)
