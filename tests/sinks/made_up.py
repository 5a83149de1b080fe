"""Meters, readings and the original's table, for the tests of the sinks."""

from smartmeter.journal.entry import Entry
from smartmeter.measurands import measurands
from smartmeter.models import load_model
from smartmeter.reading import Reading
from smartmeter.settings.model import MeterSettings

START_US = 1_790_000_000_000_000
INTERVAL_US = 5_000_000

# The columns of the original's table besides ts, as its users have them.
_LEGACY_COLUMNS = """
    ah_seit_reset aktuelle_gesamtblindleistung aktuelle_gesamtscheinleistung aktuelle_gesamtwirkleistung
    aktueller_gesamtleistungsfaktor aktueller_gesamtphasenwinkel aktueller_gesamtstrom blindleistung_l1 blindleistung_l2
    blindleistung_l3 durchschnittliche_spannung_zu_n durchschnittlicher_strom_zu_n durchschnittsspannung_l_l
    export_varh_seit_reset export_wh_seit_reset frequenz gesamtscheinleistung gesamtstrom_neutralleiter
    gesamtsystemleistungsfaktor gesamtwirkleistung import_varh_seit_reset import_wh_seit_reset leistungsfaktor_l1
    leistungsfaktor_l2 leistungsfaktor_l3 max_gesamtscheinleistung max_gesamtwirkleistung max_strom_l1_demand
    max_strom_l2_demand max_strom_l3_demand max_strom_neutralleiter phasenwinkel_l1 phasenwinkel_l2 phasenwinkel_l3
    scheinleistung_l1 scheinleistung_l2 scheinleistung_l3 spannung_l1 spannung_l1_l2 spannung_l2 spannung_l2_l3
    spannung_l3 spannung_l3_l1 strom_l1 strom_l1_demand strom_l2 strom_l2_demand strom_l3 strom_l3_demand
    strom_neutralleiter thd_durchschnittliche_spannung_zu_l_l thd_durchschnittliche_spannung_zu_n
    thd_durchschnittlicher_strom_zu_n thd_spannung_l1 thd_spannung_l1_l2 thd_spannung_l2 thd_spannung_l2_l3
    thd_spannung_l3 thd_spannung_l3_l1 thd_strom_l1 thd_strom_l2 thd_strom_l3 total_kvarh total_kwh vah_seit_reset
    wirkleistung_l1 wirkleistung_l2 wirkleistung_l3
"""
LEGACY_COLUMNS = sorted(_LEGACY_COLUMNS.split())


_BASES = {id_: 30.1 + index for index, id_ in enumerate(load_model("SDM530").registers)}


def legacy_table(table="smartmeter"):
    """The original's table, from the vocabulary: the registers of the SDM530 are its 68 values."""
    names = sorted(measurands()[id_].column("de") for id_ in load_model("SDM530").registers)
    columns = ", ".join(f"{name} double precision" for name in names)
    return f"""CREATE TABLE {table} (ts timestamp with time zone NOT NULL, {columns},
                                     CONSTRAINT {table}_pkey PRIMARY KEY (ts)) TABLESPACE pg_default"""


def meter(name="haus", ids=None, model="SDM530"):
    wanted = load_model(model).registers if ids is None else ids
    return MeterSettings(name, load_model(model), 1, dict.fromkeys(wanted, INTERVAL_US))


def reading(number, values=None, name="haus"):
    """The `number`th reading of a meter; without `values`, all 68 of the SDM530, each different."""
    if values is None:
        values = {id_: base + number for id_, base in _BASES.items()}
    return Reading(name, START_US + number * INTERVAL_US, "boot", number * INTERVAL_US, values)


def entries(numbers, values=None, name="haus"):
    return [Entry(number, reading(number, values, name)) for number in numbers]
