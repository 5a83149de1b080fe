"""`smartmeter simulate`: virtual meters on a serial line (a pseudo-terminal) or behind a network."""

import argparse
import asyncio

from smartmeter.cli.simulate_options import add_simulate_options, check_options, is_network, meters_from
from smartmeter.cli.simulate_served import served_meters, served_replay
from smartmeter.cli.simulate_serving import serve_line, serve_network

EXAMPLES = """\
  smartmeter simulate --link /tmp/meter
  smartmeter simulate --model SDM530,SDM230 --address 1,2 --link /tmp/meters --baudrate 19200 --parity E
  smartmeter simulate --model SDM530,SDM230 --settings 9600N1,19200E1 --link /tmp/meters
  smartmeter simulate --tcp 1502
  smartmeter simulate --tcp 4196 --rtu
  smartmeter simulate --model SunSpec-103 --tcp 1502
  smartmeter simulate --link /tmp/meter --noise 0.05 --max-registers 20
  smartmeter simulate --address 1,2,3,4 --silent --faulty-address 2 --link /tmp/meters
  smartmeter simulate --late-ms 700 --every 5 --link /tmp/meter
  smartmeter simulate --replay recording.jsonl --link /tmp/meter

It runs until Ctrl-C or SIGTERM.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_simulate_options(parser)


def main(args: argparse.Namespace) -> int:
    check_options(args)
    served = served_replay(args.replay) if args.replay else served_meters(meters_from(args))
    if is_network(args):
        asyncio.run(serve_network(served, args))
    else:
        serve_line(served, args)
    return 0
