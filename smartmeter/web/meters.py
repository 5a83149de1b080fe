"""What there is to ask about: the site, its meters, their measurands; and the values now."""

import json
from typing import Any

from smartmeter.energy.tariff import currency_of
from smartmeter.history.model import History
from smartmeter.house import House
from smartmeter.measurands import measurands
from smartmeter.polling.poller import MeterPoller
from smartmeter.reports.amounts import DECIMALS
from smartmeter.settings.model import BusSettings, MeterSettings
from smartmeter.web.look_up import LookUp
from smartmeter.web.moments import iso
from smartmeter.web.numbers import finite

Json = dict[str, Any]


async def meters_json(house: House, look_up: LookUp) -> Json:
    """The site and its meters."""
    names = tuple(meter.name for meter in house.meters)

    async def question(history: History) -> bytes:
        spans = {name: await history.span(name) for name in names}
        return json.dumps({name: None if span is None else span[0] for name, span in spans.items()}).encode()

    firsts = json.loads(await look_up.ask("firsts", question))
    settings = house.settings
    currencies = (currency_of(settings.tariffs, name) for name in names)
    return {
        "site": {
            "timezone": settings.timezone,
            "language": settings.language,
            "currency": next((currency for currency in currencies if currency), None),
        },
        "meters": [_meter(bus, meter, firsts[meter.name]) for bus in settings.buses for meter in bus.meters],
    }


def _meter(bus: BusSettings, meter: MeterSettings, first_us: int | None) -> Json:
    return {
        "name": meter.name,
        "model": meter.model.name,
        "bus": bus.name,
        "address": meter.address,
        "phases": meter.model.phases,
        "first": None if first_us is None else iso(first_us),
        "measurands": [
            {
                "id": one.id,
                "label": {"en": one.label_en, "de": one.label_de},
                "unit": one.unit_symbol,
                "kind": one.kind,
                "interval_s": meter.intervals_us[one.id] / 1e6,
                "decimals": DECIMALS[one.unit],
            }
            for one in measurands().values()
            if one.id in meter.intervals_us
        ],
    }


def latest_json(house: House) -> Json:
    """The latest value of every measurand of every meter, and which meters are silent."""
    return {
        "time": iso(house.clock.wall_us()),
        "meters": [_latest(house, poller) for poller in house.pollers],
    }


def silent_since(poller: MeterPoller) -> str | None:
    """Since when a meter has not answered; None if it does."""
    since_us = poller.state.silent_since_us
    return None if since_us is None else iso(since_us)


def _latest(house: House, poller: MeterPoller) -> Json:
    values = house.live.latest.get(poller.meter.name, {})
    return {
        "name": poller.meter.name,
        "silent_since": silent_since(poller),
        "values": {id_: {"value": finite(latest.value), "time": iso(latest.time_us)} for id_, latest in values.items()},
    }
