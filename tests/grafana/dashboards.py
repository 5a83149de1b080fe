"""Sites, stores, and what is in a dashboard, for the tests of dashboards."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from smartmeter.energy.tariff import Tariff, TimeRule
from smartmeter.grafana.dashboards import dashboards
from smartmeter.grafana.facts import facts_of
from smartmeter.grafana.journal import JournalStore
from smartmeter.grafana.postgresql import PostgresqlStore
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.settings.model import BusSettings, FastSettings, JournalSettings, MeterSettings, Settings

ZONE = "Europe/Berlin"
INTERVAL_US = 10_000_000
# What dashboards ask for, of what an SDM530 measures.
MEASURANDS = (
    *(f"voltage_l{phase}" for phase in (1, 2, 3)),
    *("voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1"),
    *(f"active_power_l{phase}" for phase in (1, 2, 3)),
    "active_power_total",
    *(f"power_factor_l{phase}" for phase in (1, 2, 3)),
    *("power_factor_total", "frequency"),
    *(f"voltage_thd_l{phase}" for phase in (1, 2, 3)),
    *(f"current_thd_l{phase}" for phase in (1, 2, 3)),
    *("active_energy_import", "active_energy_export"),
)
TARIFFS = (
    Tariff(
        valid_from=date(2024, 1, 1),
        price=0.30,
        feed_in=0.08,
        base_price=12.0,
        rules=(TimeRule(price=0.20, from_minute=0, until_minute=6 * 60),),
    ),
)


def meter(name="house", model="SDM530", ids=MEASURANDS, address=1):
    registers = load_model(model).registers
    return MeterSettings(name, load_model(model), address, {id_: INTERVAL_US for id_ in ids if id_ in registers})


def settings(*meters, **changes):
    bus = BusSettings("bus1", "/dev/ttyUSB0", SerialFormat(9600), 0.5, meters or (meter(),))
    given = {
        "source": Path("smartmeter.toml"),
        "language": "en",
        "buses": (bus,),
        "journal": JournalSettings(Path("smartmeter.db")),
        "postgresql": None,
        "fast": FastSettings(2_000_000, 60),
        "timezone": ZONE,
        "tariffs": TARIFFS,
    }
    return Settings(**given | changes)


STORES = {
    "postgresql": PostgresqlStore(None, "smartmeter", "en", ZONE),
    "german": PostgresqlStore("mein haus", "zähler", "de", ZONE),
    "sqlite": JournalStore(ZONE),
}
SITES = {
    "one": settings(),
    "two": settings(meter(), meter("heat pump", "SDM230", load_model("SDM230").registers, 2)),
    "single phase": settings(meter("flat", "SDM230", load_model("SDM230").registers)),
    "little": settings(meter(ids=("voltage_l1",))),
}


@dataclass(frozen=True)
class Target:
    """A query of a panel, and what the panel is."""

    dashboard: str
    panel: dict

    @property
    def sql(self):
        (target,) = self.panel["targets"]
        return target.get("rawSql") or target["queryText"]

    @property
    def is_series(self):
        (target,) = self.panel["targets"]
        return target.get("format", target.get("queryType")) in ("time_series", "time series")

    @property
    def least_step(self):
        return self.panel.get("interval")

    def __str__(self):
        return f"{self.dashboard}/{self.panel['title']}"


def built(store, site=SITES["two"], language="en"):
    """All dashboards, by uid."""
    return {uid: json.loads(text) for uid, text in dashboards(facts_of(site, language), store).items()}


def panels_of(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets(store, site=SITES["two"], language="en"):
    return [
        Target(uid.removeprefix("smartmeter-"), panel)
        for uid, dashboard in built(store, site, language).items()
        for panel in panels_of(dashboard)
    ]
