"""What the file of a model may say, and what is told of each mistake in it."""

import tomllib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import definition, load_model
from smartmeter.models.catalogue import find_model
from smartmeter.models.definition import read_definition

HEAD = """
brand = "Maker"
name = "X1"
description = { en = "Meter", de = "Zähler" }
phases = 3
function = 3
type = "u32"
source = "P"
"""
SERIAL = """
[serial]
baudrate = 9600
parity = "E"
"""
SOURCES = """
[sources]
P = "a paper"
"""
MAP = """
[map]
registers = [
    { address = 0x10, measurand = "voltage_l1", scale = 0.1 },
    { address = 18, measurand = "active_power_total", type = "s16", na = ["largest"] },
]
"""
LIKE = 'name = "X1"\nlike = "SDM630"\n'
WHOLE = HEAD + SERIAL + SOURCES + MAP


def read(text, name="X1"):
    return read_definition(tomllib.loads(text), name, find_model)


def flaws(text, name="X1"):
    model, found = read(text, name)
    assert (model is None) == bool(found)
    return {".".join(str(step) for step in flaw.place): flaw.text for flaw in found}


def register(entry):
    """A whole file with one more register."""
    return WHOLE.replace("\n]", f"\n    {entry},\n]")


def test_a_file_without_mistakes_is_a_model():
    model, found = read(WHOLE)
    assert found == ()
    assert (model.name, model.brand, model.description("de"), model.phases) == ("X1", "Maker", "Zähler", 3)
    assert model.serial == SerialFormat(9600, 8, "E", 1)
    assert model.baudrates == (9600,)
    voltage, power = model.registers.values()
    assert (voltage.function, voltage.address, voltage.count, voltage.source) == (3, 16, 2, "P")
    assert (voltage.type, voltage.order, voltage.scale, voltage.na) == ("u32", "big", Decimal("0.1"), frozenset())
    assert (power.type, power.count, power.na) == ("s16", 1, {0x7FFF})


def test_what_is_not_said_is_assumed_carefully():
    model, _ = read(WHOLE)
    assert not model.tested
    assert model.notes == ()
    assert (model.registers_per_request, model.undefined_readable, model.whole_values) == (125, False, True)
    assert (model.turnaround_s, model.max_current_a) == (0.02, 100.0)


def test_the_nearest_word_counts():
    text = (
        HEAD
        + 'order = "little"\n'
        + SERIAL
        + SOURCES
        + 'Q = "another"\n'
        + """
    [[map]]
    type = "s32"
    scale = 0.01
    registers = [
        { address = 0, measurand = "voltage_l1" },
        { address = 2, measurand = "voltage_l2", order = "big", type = "float32", scale = 1, source = "P, Q" },
    ]
    [[map]]
    function = 4
    registers = [{ address = 0, measurand = "frequency" }]
    """
    )
    model, found = read(text)
    assert found == ()
    assert [(r.function, r.type, r.order, str(r.scale), r.source) for r in model.registers.values()] == [
        (3, "s32", "little", "0.01", "P"),
        (3, "float32", "big", "1", "P, Q"),
        (4, "u32", "little", "1", "P"),
    ]


def test_a_model_can_be_like_another_with_more_and_without():
    text = """
    name = "X1"
    like = "SDM630"
    without = ["charge", "frequency"]
    notes = ["Made for ships."]
    [limits]
    registers_per_request = 10
    [sources]
    P = "a paper"
    [map]
    function = 4
    type = "u16"
    scale = 0.1
    source = "P"
    registers = [
        { address = 500, measurand = "active_energy_net" },
        { address = 501, measurand = "voltage_l1" },
    ]
    """
    model, found = read(text)
    base = load_model("SDM630")
    assert found == ()
    assert model.registers.keys() == base.registers.keys() - {"charge", "frequency"} | {"active_energy_net"}
    assert model.registers["voltage_l1"].address == 501
    assert model.registers["voltage_l2"] == base.registers["voltage_l2"]
    assert (model.brand, model.serial, model.phases) == (base.brand, base.serial, base.phases)
    assert (model.registers_per_request, model.undefined_readable) == (10, True)
    assert not model.tested
    assert model.notes == ("Made for ships.",)
    assert model.sources == {**base.sources, "P": "a paper"}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (WHOLE.replace('brand = "Maker"', ""), "brand", "is missing; it must be the maker's name"),
        (WHOLE.replace('"X1"', '"X2"'), "name", 'must be as the file is called, "X1", not "X2"'),
        (WHOLE.replace("phases = 3", "phases = 4"), "phases", "must be 1, 2 or 3, not 4"),
        (WHOLE.replace("phases = 3", "phases = true"), "phases", "not true"),
        (WHOLE.replace(', de = "Zähler"', ""), "description.de", "is missing"),
        (WHOLE.replace("phases = 3", 'phases = 3\ntested = "yes"'), "tested", 'true or false, not "yes"'),
        (WHOLE.replace("phases = 3", 'phases = 3\nnotes = "x"'), "notes", "a list of texts"),
        (WHOLE.replace("function = 3", "function = 6"), "function", "must be 3 or 4, not 6"),
        (WHOLE.replace("\ntype", "\ntyp"), "typ", "is no key of this table; did you mean type?"),
        (WHOLE.replace('"u32"', '"int32"'), "type", "must be one of float32, float64, u16, s16"),
        (WHOLE.replace("phases = 3", 'phases = 3\norder = "ABCD"'), "order", "the high word first"),
        (WHOLE.replace("phases = 3", "phases = 3\nscale = 0"), "scale", "a number other than 0"),
        (WHOLE.replace("phases = 3", 'phases = 3\nna = ["FFFF"]'), "na", "largest"),
        (WHOLE.replace("phases = 3", 'phases = 3\nlike = "SDM999"'), "like", "no model"),
        (
            WHOLE.replace("phases = 3", 'phases = 3\nwithout = ["charge"]'),
            "without.0",
            "is neither measured nor set by",
        ),
        (HEAD + SOURCES + MAP, "serial", "is missing"),
        (LIKE + "phases = 1", "phases", "voltage_l2, voltage_l2_l3, voltage_l3"),
        (LIKE + "[limits]\nregisters_per_request = 1", "limits.registers_per_request", "must be at least 2"),
        (
            LIKE + "[map]\nfunction = 4\ntype = 'u16'\nsource = 'D18'\n"
            "registers = [{ address = 3, measurand = 'active_energy_net' }]",
            "map.registers.0.address",
            "overlaps",
        ),
        (WHOLE.replace("9600", "0"), "serial.baudrate", "must be bits per second"),
        (WHOLE.replace('parity = "E"', ""), "serial.parity", "is missing"),
        (WHOLE.replace('"E"', '"even"'), "serial.parity", '"N", "E" or "O"'),
        (WHOLE.replace('"E"', '"E"\nbaudrates = [4800]'), "serial.baudrates", "the factory's 9600"),
        (WHOLE + "[limits]\nregisters_per_request = 126", "limits.registers_per_request", "from 1 to 125"),
        (WHOLE + "[limits]\nturnaround = 5", "limits.turnaround", "did you mean turnaround_ms?"),
        (WHOLE + "[limits]\nregisters_per_request = 1", "map.registers.0.type", "a u32 takes 2 registers"),
        (WHOLE.replace('source = "P"', ""), "map.registers.0.source", "is missing; give it here"),
        (WHOLE.replace('source = "P"', 'source = "Q"'), "source", '"Q" is no key of [sources]; known are P'),
        (WHOLE.replace("function = 3", ""), "map.registers.0.function", "is missing"),
        (WHOLE.replace("[map]", "[[mapp]]"), "mapp", "did you mean map?"),
        (HEAD + SERIAL + SOURCES, "map", "has no registers"),
        (HEAD + SERIAL + SOURCES + "[map]", "map.registers", "is missing"),
        (WHOLE.replace("voltage_l1", "voltage_L1"), "map.registers.0.measurand", "did you mean voltage_l1?"),
        (WHOLE.replace("voltage_l1", "Spannung_L1"), "map.registers.0.measurand", "did you mean voltage_l1?"),
        (WHOLE.replace("0x10", "65535"), "map.registers.0.address", "no room for the 2 registers of a u32"),
        (WHOLE.replace("0x10", "-1"), "map.registers.0.address", "a number from 0 to 65535"),
        (WHOLE.replace("0x10", "70000"), "map.registers.0.address", "30001 and 40001 in papers are 0"),
        (WHOLE.replace("0x10", "17"), "map.registers.1.address", "overlaps voltage_l1, which takes 17 to 18"),
        (
            register('{ address = 40, measurand = "voltage_l1" }'),
            "map.registers.2.measurand",
            "there twice; first at map.registers[1]",
        ),
        (register("5"), "map.registers.2", "must be a table with address and measurand"),
        (register('{ measurand = "frequency" }'), "map.registers.2.address", "is missing"),
        (register("{ address = 40 }"), "map.registers.2.measurand", "is missing"),
        (register('{ address = 40, measurand = "frequency", x = 1 }'), "map.registers.2.x", "is no key"),
        (
            register('{ address = 40, measurand = "frequency", type = "u16", na = [0x12345] }'),
            "map.registers.2.na",
            "0x12345 does not fit in a u16",
        ),
        (
            register('{ address = 40, measurand = "current_l2" }').replace("phases = 3", "phases = 1"),
            "map.registers.2.measurand",
            "current_l2 is not there in a meter of one phase",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(text, place, words):
    found = flaws(text)
    assert words.lower() in found[place].lower()


@pytest.mark.parametrize(
    "text", ["", 'description = "x"', "[description]\nfr = 1", "[serial]\n[limits]\n[sources]\n[map]"]
)
def test_no_mistake_is_told_twice(text):
    _, found = read(text)
    assert len({flaw.place for flaw in found}) == len(found)


def test_what_an_unknown_model_may_have_is_not_missed():
    assert flaws('name = "X1"\nlike = "SDM999"\nphases = 4').keys() == {"like", "phases"}


def test_tables_that_stand_alone_must_be_whole_even_so():
    half = 'name = "X1"\nlike = "SDM999"\n[serial]\nparity = "E"\n[unlock]\npassword = 1\n[set_mode]\n'
    half += "[identification]\nserial_number = { address = 1 }\n[[parameters.registers]]\naddress = 1\n"
    found = flaws(half)
    assert "serial.baudrate" not in found
    assert found.keys() >= {
        *("like", "unlock.passwords", "unlock.state", "set_mode.how"),
        *("identification.serial_number.type", "parameters.registers.0.type"),
    }


def test_every_mistake_is_told_at_once():
    text = WHOLE.replace("phases = 3", "phases = 9").replace("0x10", "70000").replace("active_power_total", "power")
    assert flaws(text).keys() == {"phases", "map.registers.0.address", "map.registers.1.measurand"}


@pytest.mark.parametrize("value", ["1", "'x'", "[]", "[1]", "{}", "true", "1.5", "1979-05-27", "nan"])
def test_nothing_that_stands_at_a_key_stops_it(value):
    document = tomllib.loads(WHOLE)
    for key in (*document, "order", "scale", "na", "notes", "like", "without", "limits", "tested"):
        read_definition({**document, key: tomllib.loads(f"x = {value}")["x"]}, "X1", find_model)
    for key in ("function", "type", "order", "scale", "na", "source", "address", "measurand"):
        entry = {**document["map"]["registers"][0], key: tomllib.loads(f"x = {value}")["x"]}
        read_definition({**document, "map": {"registers": [entry]}}, "X1", find_model)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(
        ["", "X1", "SDM630", "voltage_l1", "u16", "float64", "big", "largest", "P", "P, Q", "N", "\0", "de"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *definition.KEYS,
                    *definition.SERIAL_KEYS,
                    *definition.LIMIT_KEYS,
                    "registers",
                    "address",
                    "measurand",
                    "en",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(definition.KEYS), ANYTHING), st.booleans())
def test_no_document_stops_it(document, on_a_whole_one):
    document = {**tomllib.loads(WHOLE), **document} if on_a_whole_one else document
    model, found = read_definition(document, "X1", find_model)
    assert (model is None) == bool(found)
