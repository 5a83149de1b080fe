"""What the file of a model may say of its parameters, and what is told of each mistake in it."""

import pickle
import tomllib
from decimal import Decimal

import pytest

from smartmeter.models import load_model, model_names
from smartmeter.models.catalogue import find_model
from smartmeter.models.definition import read_definition
from smartmeter.models.parameter import LABELS
from tests.models.test_definition import WHOLE

SETUP = """
[identification]
code = { function = 3, address = 0xFC02, type = "u16", values = [7], source = "P" }
[unlock]
password = 0x18
state = 0x0E
passwords = [1000, 0]
source = "P"
[set_mode]
how = "press the button"
source = "P"
[parameters]
type = "float32"
effect = "restart"
source = "P"
registers = [
    { address = 0x14, parameter = "address", from = 1, to = 99, default = 7 },
    { address = 0x1C, parameter = "baudrate", values = { 2400 = 0, 9600 = 2 }, default = 9600, effect = "either" },
    { address = 0x12, parameter = "parity", values = { N = 0, N2 = 3 }, needs = "set_mode" },
    { address = 0x0A, parameter = "system_type", values = { 1P2W = 1, 3P4W = 3 }, needs = "unlock" },
    { address = 0xF500, parameter = "demand_period", type = "bcd", byte = 0, values = [5, 15], unit = "min" },
    { address = 0xF500, parameter = "slide_time", type = "bcd", byte = 1, from = 1, to = 9, only_if_identified = "no" },
    { address = 0xF010, parameter = "max_demand", type = "u16", values = { no = 0 }, COMMAND, also_answers_as = [0] },
    { address = 0xF010, parameter = "resettable_energy", type = "u16", values = { reset = 3 }, COMMAND },
]
""".replace("COMMAND", 'write_only = true, seen_in = ["voltage_l1"]')
WITH_SETUP = WHOLE.replace("[sources]", f"{SETUP}\n[sources]")


def flaws(text):
    model, found = read_definition(tomllib.loads(text), "X1", find_model)
    assert (model is None) == bool(found)
    return {".".join(str(step) for step in flaw.place): flaw.text for flaw in found}


def setup_of(text):
    model, found = read_definition(tomllib.loads(text), "X1", find_model)
    assert found == ()
    return model.setup


def test_a_file_without_mistakes_says_what_can_be_set():
    setup = setup_of(WITH_SETUP)
    address, speed, parity, system, period, slide, demand, _ = setup.parameters.values()
    assert (address.least, address.most, address.default, address.allowed) == (1, 99, "7", "1 to 99")
    assert (address.type, address.count, address.effect, address.source) == ("float32", 2, "restart", "P")
    assert speed.values == {"2400": Decimal(0), "9600": Decimal(2)}
    assert (speed.effect, speed.default, speed.allowed) == ("either", "9600", "2400, 9600")
    assert (parity.needs, system.needs, period.needs) == ("set_mode", "unlock", None)
    assert (period.values, period.byte, period.unit) == ({"5": Decimal(5), "15": Decimal(15)}, 0, "min")
    assert (slide.byte, slide.only_if_identified) == (1, "no")
    assert (demand.count, demand.write_only, demand.seen_in) == (1, True, ("voltage_l1",))
    assert demand.also_answers_as == (0,)
    assert (setup.unlock.password, setup.unlock.state, setup.unlock.passwords) == (0x18, 0x0E, (1000, 0))
    assert setup.set_mode.how == "press the button"


def test_a_model_without_them_cannot_be_set():
    assert setup_of(WHOLE).parameters == {}


def test_a_model_can_be_like_another_with_more_and_without():
    setup = setup_of("""
    name = "X1"
    like = "SDM630"
    without = ["frequency", "baudrate"]
    [sources]
    P = "a paper"
    [parameters]
    type = "u16"
    effect = "at once"
    source = "P"
    registers = [{ address = 500, parameter = "address", from = 1, to = 9 }]
    """)
    base = load_model("SDM630").setup
    assert setup.parameters.keys() == base.parameters.keys() - {"baudrate"}
    assert (setup.parameters["address"].address, setup.parameters["address"].most) == (500, 9)
    assert setup.parameters["parity"] == base.parameters["parity"]
    assert setup.unlock == base.unlock


def test_between_processes_a_user_s_own_model_keeps_them(tmp_path):
    model, _ = read_definition(tomllib.loads(WITH_SETUP), "X1", find_model, tmp_path / "X1.toml")
    assert pickle.loads(pickle.dumps(model)).setup == model.setup


def changed(old, new):
    assert WITH_SETUP.count(old) >= 1
    return WITH_SETUP.replace(old, new, 1)


FIRST, PARITY, PERIOD, COMMAND = (f"parameters.registers.{number}" for number in (0, 2, 4, 6))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (changed('"baudrate", values', '"baud", values'), "parameters.registers.1.parameter", "did you mean baudrate?"),
        (changed('"address", from', '"parity", from'), f"{PARITY}.parameter", "is there twice; first at param"),
        (changed("default = 7 }", 'default = 7, unti = "s" }'), f"{FIRST}.unti", "did you mean unit?"),
        (changed("from = 1, to = 99, default = 7", "default = 7"), f"{FIRST}.values", "or from and to"),
        (changed("from = 1, to = 99", "values = [7], to = 99"), f"{FIRST}.values", "one of the two"),
        (changed("to = 99", "to = 248"), f"{FIRST}.to", "from 1 to 247, not 248"),
        (changed("default = 7", "default = 100"), f"{FIRST}.default", "none of the values that it may have"),
        (changed("default = 9600", "default = 19200"), "parameters.registers.1.default", "none of the values"),
        (changed("2400 = 0", "fast = 0"), "parameters.registers.1.values.fast", "is no speed"),
        (changed("9600 = 2 }", "9600 = -2 }"), "parameters.registers.1.values.9600", "a whole number from 0"),
        (changed("N2 = 3", "N3 = 3"), f"{PARITY}.values.N3", "is no parity; known are N, E"),
        (changed("values = { N = 0, N2 = 3 }", "values = 5"), f"{PARITY}.values", "a table of names and numbers"),
        (changed("values = [5, 15]", "values = [5, 150]"), f"{PERIOD}.values.150", "from 0 to 99, not 150"),
        (changed("byte = 0", "byte = 4"), f"{PERIOD}.byte", "0 to 3, not 4"),
        (changed("default = 7", "default = 7, byte = 1"), f"{FIRST}.byte", "is for bcd alone"),
        (changed("byte = 1, from", "byte = 0, from"), "parameters.registers.5.address", "overlaps"),
        (changed("0x12, parameter", "0x15, parameter"), f"{PARITY}.address", "overlaps address, which takes 20 to 21"),
        (changed("0x14, parameter", "65535, parameter"), f"{FIRST}.address", "from 0 to 65534, not 65535"),
        (changed('type = "float32"\neffect', "effect"), f"{FIRST}.type", "one of float32, u16, bcd"),
        (changed('effect = "restart"', 'effect = "soon"'), f"{FIRST}.effect", "one of at once, restart, either"),
        (changed('effect = "restart"\nsource = "P"', 'effect = "restart"\nsource = "Q"'), f"{FIRST}.source", "no key"),
        (changed('seen_in = ["voltage_l1"], also', "also"), f"{COMMAND}.seen_in", "is missing; name the"),
        (changed('["voltage_l1"], also', '["frequency"], also'), f"{COMMAND}.seen_in", "is not measured"),
        (changed("also_answers_as = [0]", "also_answers_as = [300]"), f"{COMMAND}.also_answers_as", "of units"),
        (changed('[unlock]\npassword = 0x18\nstate = 0x0E\npasswords = [1000, 0]\nsource = "P"', ""),
         "parameters.registers.3.needs", "needs a table [unlock]"),
        (changed('[set_mode]\nhow = "press the button"\nsource = "P"', ""), f"{PARITY}.needs", "a table [set_mode]"),
        (changed("passwords = [1000, 0]", "passwords = [10000]"), "unlock.passwords", "a list of numbers"),
        (changed("state = 0x0E", ""), "unlock.state", "is missing"),
        (changed('how = "press the button"', ""), "set_mode.how", "is missing"),
        (changed("code = { function = 3, address = 0xFC02", "serial_number = { function = 3, address = 0xFC00")
         .replace(", values = [7], source", ", source"), "parameters.registers.5.only_if_identified", "needs a code"),
        (changed("registers = [\n    { address = 0x14", "registers = [\n    5,\n    { address = 0x14"),
         FIRST, "must be a table with address and parameter, not 5"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_stands(text, place, words):
    found = flaws(text)
    assert place in found, found
    assert words in found[place]


@pytest.mark.parametrize("name", [name for name in model_names() if load_model(name).setup.parameters])
def test_every_model_that_can_be_set_is_sound(name):
    model = load_model(name)
    for parameter in model.setup.parameters.values():
        assert parameter.name in LABELS
        assert set(parameter.source.split(", ")) <= model.sources.keys()
    speeds = model.setup.parameters["baudrate"].values
    assert {int(speed) for speed in speeds} <= {*model.baudrates, 1200}
    assert "address" in model.setup.parameters
    assert "parity" in model.setup.parameters


# Copied from the sources by hand: register, type, values.
KNOWN = """
SDM630    baudrate          0x1C   float32 2400=0,4800=1,9600=2,19200=3,38400=4
SDM630    parity            0x12   float32 N=0,E=1,O=2,N2=3
SDM630    demand_period     0x02   float32 0=0,5=5,8=8,10=10,15=15,20=20,30=30,60=60
SDM630    system_type       0x0A   float32 1P2W=1,3P3W=2,3P4W=3
SDM630    pulse_constant    0x16   float32 0.0025=0,0.01=1,0.1=2,1=3,10=4,100=5
SDM630    max_demand        0xF010 u16     reset=0
SDM530    baudrate          0x1C   float32 2400=0,4800=1,9600=2
SDM230    baudrate          0x1C   float32 2400=0,4800=1,9600=2
SDM230    pulse_width       0x0C   float32 60=60,100=100,200=200
SDM230    pulse_constant    0xF910 u16     0.001=0,0.01=1,0.1=2,1=3
SDM230-2T baudrate          0x1C   float32 1200=5,2400=0,4800=1,9600=2
SDM120C   baudrate          0x1C   float32 1200=5,2400=0,4800=1,9600=2
SDM320    baudrate          0x1C   float32 1200=5,2400=0,4800=1,9600=2,19200=3,38400=4
SDM72DM   baudrate          0x1C   float32 1200=5,2400=0,4800=1,9600=2
SDM72DM   resettable_energy 0xF010 u16     reset=3
SDM72DMV2 baudrate          0x1C   float32 1200=5,2400=0,4800=1,9600=2,19200=3
SDM72DMV2 system_type       0x0A   float32 1P2W=1,3P4W=3
SDM72DMV2 pulse_constant    0x16   float32 1000=0,100=1,10=2,1=3
"""


@pytest.mark.parametrize("line", KNOWN.strip().splitlines())
def test_known_parameters(line):
    model, name, address, type_, values = line.split()
    parameter = load_model(model).setup.parameters[name]
    assert (parameter.address, parameter.type) == (int(address, 16), type_)
    assert {f"{key}={value}" for key, value in parameter.values.items()} == set(values.split(","))


@pytest.mark.parametrize("name", [name for name in model_names() if name.startswith("SDM72")])
def test_no_sdm72_has_anything_to_write_at_its_password(name):
    setup = load_model(name).setup
    written = [(parameter.address, parameter.count) for parameter in setup.parameters.values()]
    written += [] if setup.unlock is None else [(setup.unlock.password, 2)]
    assert not any(address <= 0x19 and address + count > 0x18 for address, count in written)


@pytest.mark.parametrize("name", ["SDM72CTM", "SDM630MCT-2T", "X96-1A", "EM340"])
def test_what_no_paper_tells_cannot_be_set(name):
    assert load_model(name).setup.parameters == {}
