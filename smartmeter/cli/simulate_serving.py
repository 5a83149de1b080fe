"""Serving virtual meters until a signal comes, and saying how to read them."""

import argparse
import asyncio
import itertools
import shlex
import signal
from contextlib import AbstractAsyncContextManager

from smartmeter.cli.simulate_options import DEFAULT_TURNAROUND_MS, line_faults
from smartmeter.cli.simulate_served import Served
from smartmeter.modbus.line import AsciiFormat, SerialFormat
from smartmeter.modbus.ports import TcpPort
from smartmeter.models import Model
from smartmeter.simulator.delivery import Delivery
from smartmeter.simulator.frames import ASCII, RTU
from smartmeter.simulator.line import VirtualLine

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MBPOLL_VALUES = 3
# What mbpoll adds to the kind of register for a type.
MBPOLL_TYPES = {"float32": ":float", "u32": ":int", "s32": ":int", "u16": "", "s16": ":int16"}


def serve_line(served: Served, args: argparse.Namespace) -> None:
    """Serve on a pseudo-terminal until a signal comes.

    Raises LinkError.
    """
    form = None if args.settings else _line_format(served.format, args)
    framing = ASCII if args.ascii or isinstance(served.format, AsciiFormat) else RTU
    # Blocked before the line's thread starts, which inherits that: the signals wait for us.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        line = VirtualLine(
            form,
            served.meters,
            args.link,
            turnaround_s=DEFAULT_TURNAROUND_MS / 1000,
            faults=line_faults(args),
            delivery=Delivery(usb_latency_s=None if args.usb_latency_ms is None else args.usb_latency_ms / 1000),
            framing=framing,
            replay=served.replay,
        )
        with line:
            port = f"ascii://{line.path.absolute()}" if framing is ASCII else str(line.path)
            read = f"--port {shlex.quote(port)} {served.as_options} {_as_options(form or served.format)}"
            where = f"{served.who} on {line.path}, {form}" if form else f"{served.who_and_how} on {line.path}"
            print(f"{where}; read it with: smartmeter read {read}", flush=True)
            signal.sigwait(ENDING_SIGNALS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


async def serve_network(served: Served, args: argparse.Namespace) -> None:
    """Serve over a network until a signal comes.

    Raises TcpServerError.
    """
    ended = asyncio.Event()
    for ending in ENDING_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(ending, ended.set)
    what, kind = _network_kind(args)
    async with _server(served, kind, args) as (host, port):
        where = TcpPort(host, port).where
        read = f"smartmeter read --port {kind}://{where} {served.as_options}"
        if kind == "tcp" and served.meters:
            meter = served.meters[0]
            read = f"mbpoll -m tcp -p {port} -a {meter.address} {_mbpoll_words(meter.model)} {host}"
        print(f"{served.who} on {what} {host} port {port}; read it with: {read}", flush=True)
        await ended.wait()


def _server(served: Served, kind: str, args: argparse.Namespace) -> AbstractAsyncContextManager[tuple[str, int]]:
    # A serial line needs none of it.
    from smartmeter.simulator.replay_network import rtu_answering, tcp_answering  # noqa: PLC0415
    from smartmeter.simulator.tcp import answering_of, answering_server, answering_udp_server  # noqa: PLC0415

    if served.replay is None:
        answering = answering_of(served.meters)
    else:
        answering = tcp_answering(served.replay) if kind == "tcp" else rtu_answering(served.replay)
    if kind == "rtu+udp":
        return answering_udp_server(answering, args.host, args.udp)
    return answering_server(answering, args.host, args.tcp, rtu=args.rtu)


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
