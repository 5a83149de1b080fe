"""`smartmeter models`: the catalogue."""

import argparse

from smartmeter.measurands import measurands
from smartmeter.models import Model, load_model, model_names

EXAMPLES = """\
  smartmeter models
  smartmeter models SDM530
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="a model: prints its settings, limits and registers")


def main(args: argparse.Namespace) -> int:
    if args.name:
        print(_one(load_model(args.name)))
    else:
        print(_all([load_model(name) for name in model_names()]))
    return 0


def _all(models: list[Model]) -> str:
    lines = [f"{'model':8}  {'brand':8}  {'phases':>6}  {'values':>6}  {'serial':10}  {'tested':6}  description"]
    lines += [
        f"{model.name:8}  {model.brand:8}  {model.phases:6}  {len(model.registers):6}  {model.serial!s:10}  "
        f"{_yes_no(model):6}  {model.description('en')}"
        for model in models
    ]
    return "\n".join(lines)


def _one(model: Model) -> str:
    undefined = "may be crossed" if model.undefined_readable else "may not be crossed"
    lines = [
        f"{model.brand} {model.name}: {model.description('en')}",
        f"factory settings {model.serial}; speeds {', '.join(str(rate) for rate in model.baudrates)} baud",
        f"at most {model.registers_per_request} registers a request; undefined registers {undefined}",
        f"turnaround that plans assume: {model.turnaround_s * 1000:g} ms",
        f"largest current: {model.max_current_a:g} A per phase",
        f"read on a real meter: {_yes_no(model)}",
        *(f"note: {note}" for note in model.notes),
        "",
        f"{'function':>8}  {'register':>8}  {'hex':6}  {'unit':5}  {'measurand':32}  {'German name':36}  source",
    ]
    for register in model.registers.values():
        measurand = measurands()[register.measurand]
        lines.append(
            f"{register.function:8}  {register.address:8}  0x{register.address:04X}  {measurand.unit:5}  "
            f"{measurand.id:32}  {measurand.german:36}  {register.source}"
        )
    lines += ["", *(f"{key}: {text}" for key, text in model.sources.items())]
    return "\n".join(lines)


def _yes_no(model: Model) -> str:
    return "yes" if model.tested else "no"
