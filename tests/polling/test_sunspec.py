"""The chain of a SunSpec device: found wherever it begins, walked to its end, and never believed if it is broken."""

import pytest

from smartmeter.modbus.errors import NoAnswerError
from smartmeter.models import load_model
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import read_round
from smartmeter.polling.sunspec import Link, SunSpecError, look_at
from smartmeter.simulator import Quirks
from smartmeter.simulator.answers import RefusedError
from smartmeter.simulator.sunspec import VirtualSunSpec
from tests.polling.sunspec_devices import IDS, NOON_S, reading, settings


def device(*ids, **options):
    return VirtualSunSpec(ids or (203,), 7, clock=lambda: NOON_S, **options)


async def values_of(one, meter):
    found = await look_at(meter, reading(one))
    result = await read_round(
        found.meter, meter.model.serial, frozenset(found.meter.intervals_us), Learned(), reading(one)
    )
    assert not result.failures
    return result.values


@pytest.mark.parametrize("base", [40000, 50000, 0])
async def test_a_chain_is_found_wherever_it_may_begin(base):
    found = await look_at(settings(), reading(device(base=base)))
    assert found.chain == (Link(1, base + 2, 66), Link(203, base + 70, 105))
    assert found.meter.model.registers["active_power_total"].address == base + 70 + 18


async def test_unknown_models_are_passed_over_by_their_length():
    one = device(103, strange=[(120, 26), (64001, 1), (160, 88)])
    found = await look_at(settings(), reading(one))
    assert [link.id for link in found.chain] == [1, 120, 64001, 160, 103]
    assert found.link == Link(103, 40070 + 28 + 3 + 90, 50)
    values = await values_of(one, settings())
    assert values == one.values_at(NOON_S)


async def test_what_the_device_says_of_itself_is_told():
    one = device(texts=("Maker", "SE 10K", "3.2.1", "7E12 4F"))
    found = await look_at(settings(), reading(one))
    assert str(found) == "Maker SE 10K, version 3.2.1, serial number 7E12 4F; SunSpec model 203 at 40070 is read"
    assert found.identity.serial == "7E12 4F"


@pytest.mark.parametrize(
    ("texts", "told"), [(("", "", "", ""), "a device without a name"), (("A\tB", "", "", "9"), "AB, serial number 9")]
)
async def test_what_it_does_not_say_or_cannot_be_printed_is_left_out(texts, told):
    found = await look_at(settings(), reading(device(texts=texts)))
    assert str(found.identity) == told


async def test_of_several_the_first_is_read_and_the_others_told_unless_the_settings_name_one():
    one = device(103, 203)
    found = await look_at(settings(), reading(one))
    assert found.link.id == 103
    assert str(found).endswith("SunSpec model 103 at 40070 is read (there are also 203 at 40122)")
    found = await look_at(settings("SunSpec-203"), reading(one))
    assert found.link == Link(203, 40122, 105)
    assert str(found).endswith("SunSpec model 203 at 40122 is read")


async def test_what_the_device_does_not_have_is_absent():
    found = await look_at(settings(), reading(device(101)))
    assert found.meter.intervals_us.keys() == load_model("SunSpec-101").registers.keys()
    assert "current_l2" in found.absent
    assert set(found.absent) | found.meter.intervals_us.keys() == load_model("SunSpec").registers.keys()


async def test_devices_of_one_kind_share_a_model_and_what_is_worked_out_of_it():
    first, second = [await look_at(settings(), reading(device(texts=("M", "X", "1", n)))) for n in ("1", "2")]
    assert first.meter.model is second.meter.model


@pytest.mark.parametrize(("maker", "sign"), [("Fronius", 1), ("SolarEdge", -1)])
@pytest.mark.parametrize("id_", [203, 213])
async def test_import_is_positive_whoever_made_the_meter(id_, maker, sign):
    one = device(id_, values={"active_power_total": 1234.0, "active_power_l2": -321.0}, texts=(maker, "", "", ""))
    register = (await look_at(settings(), reading(one))).meter.model.registers["active_power_total"]
    raw = one.read(3, register.address, register.count)
    assert raw == {1: b"\x04\xd2", -1: b"\xfb\x2e"}[sign] if id_ == 203 else raw[:1] == {1: b"\x44", -1: b"\xc4"}[sign]
    values = await values_of(one, settings())
    assert (values["active_power_total"], values["active_power_l2"]) == (1234.0, -321.0)


@pytest.mark.parametrize("id_", [103, 113])
async def test_what_an_inverter_gives_out_is_export_and_its_power_negative(id_):
    one = device(id_, values={"active_power_total": -5000.0, "active_energy_export": 12345.678})
    register = load_model(f"SunSpec-{id_}").registers["active_power_total"]
    assert one.read(3, register.address, register.count) == {103: b"\x13\x88", 113: b"\x45\x9c\x40\x00"}[id_]
    values = await values_of(one, settings())
    assert values["active_power_total"] == -5000.0
    assert values["active_energy_export"] == pytest.approx(12345.678, rel=1e-7)


async def test_nothing_is_not_negative():
    values = await values_of(device(103, values={"active_power_total": 0.0}), settings())
    assert str(values["active_power_total"]) == "0.0"


@pytest.mark.parametrize("id_", IDS)
async def test_what_a_device_lacks_has_no_value(id_):
    model = load_model(f"SunSpec-{id_}")
    lacking = frozenset(list(model.registers)[::2])
    one = device(id_, quirks=Quirks(absent=lacking))
    values = await values_of(one, settings())
    assert values.keys() == model.registers.keys()
    assert {name for name, value in values.items() if value is None} >= lacking
    assert {name: value for name, value in values.items() if value is not None} == pytest.approx(one.values_at(NOON_S))


@pytest.mark.parametrize("marker", [0x80000000, 0xFFFFFFFF, 0])
async def test_each_marker_of_an_energy_is_no_value(marker):
    one = device(203)
    one.words = {40070 + 46: marker >> 16, 40070 + 47: marker & 0xFFFF}
    assert (await values_of(one, settings()))["active_energy_import"] is None


async def test_a_scale_factor_that_changes_is_followed():
    one = device(values={"voltage_l1": 230.0})
    meter = (await look_at(settings(measurands=["voltage_l1"]), reading(one))).meter
    for exponent, shown in ((-2, 230.0), (-1, 230.0), (0, 230.0), (1, 230.0), (2, 200.0)):
        one.scale_factors = {15: exponent & 0xFFFF}
        asked = []
        result = await read_round(meter, meter.model.serial, frozenset({"voltage_l1"}), Learned(), reading(one, asked))
        assert result.values == {"voltage_l1": shown}
        assert asked == [(40078, 8)], "value and scale factor come in one request"


@pytest.mark.parametrize("content", [0x8000, 11, 0x10000 - 11])
async def test_a_scale_factor_that_is_none_makes_no_value(content):
    one = device()
    one.scale_factors = {15: content}
    values = await values_of(one, settings())
    assert all(values[id_] is None for id_ in values if id_.startswith("voltage"))
    assert values["frequency"] is not None


async def test_a_silent_device_is_silent_after_one_request_for_each_place():
    asked = []
    with pytest.raises(NoAnswerError):
        await look_at(settings(), reading(None, asked))
    assert asked == [(40000, 2), (50000, 2), (0, 2)]


async def test_what_was_silent_is_asked_again_if_the_others_answered():
    one, asked = device(), []
    answering = reading(one, asked)

    async def read(request):
        if request.address == 40000 and asked.count((40000, 2)) == 0:
            asked.append((40000, 2))
            raise NoAnswerError("drowned", b"", b"")
        return await answering(request)

    assert (await look_at(settings(), read)).link.id == 203


async def broken(one, meter=None):
    with pytest.raises(SunSpecError) as caught:
        await look_at(meter or settings(), reading(one))
    text = str(caught.value)
    assert text.startswith("unit 7: ")
    assert "\n" not in text
    return text


async def test_no_sunspec_device_is_told():
    one = device()
    one.words = {40000: 0}
    assert '"SunS" is at none of the registers 40000, 50000, 0; is SunSpec switched on' in await broken(one)


class Words:
    """Registers that hold these words; all others are refused."""

    def __init__(self, words, base=40000):
        self._words = dict(enumerate(words, start=base))

    def read(self, _function, start, count):
        try:
            return b"".join(self._words[address].to_bytes(2) for address in range(start, start + count))
        except KeyError:
            raise RefusedError(2) from None


def chain(*models, end=(0xFFFF, 0)):
    words = [0x5375, 0x6E53]
    for id_, length in models:
        words += [id_, length, *[0] * min(length, 1000)]
    return Words([*words, *end])


@pytest.mark.parametrize("end", [(0xFFFF, 0), (0xFFFF,)])
async def test_a_chain_may_end_without_a_length(end):
    found = await look_at(settings(), reading(chain((1, 65), (203, 105), end=end)))
    assert found.chain == (Link(1, 40002, 65), Link(203, 40069, 105))


async def test_a_device_without_model_1_is_read_without_a_name():
    assert str((await look_at(settings(), reading(chain((203, 105))))).identity) == "a device without a name"


@pytest.mark.parametrize(
    ("device_", "told"),
    [
        (chain((1, 66), (64001, 30_000)), " after model 64001 at 40070: it runs beyond register 65535"),
        (chain((1, 66), (64001, 7), end=()), " after model 64001 at 40070: it has no end: register 40079 is refused"),
        (
            chain((1, 66), (64001, 0)),
            " after model 1 at 40002: at 40070 there are id 64001 and length 0, which is no model",
        ),
        (chain((1, 66), (0, 5)), " after model 1 at 40002: at 40070 there are id 0 and length 5, which is no model"),
        (
            chain((1, 66), (203, 104)),
            " after model 1 at 40002: model 203 at 40070 has 104 registers, and must have 105",
        ),
        (chain((1, 64)), ": model 1 at 40002 has 64 registers, and must have 65"),
        (chain((1, 66), *[(64001, 1)] * 300), " after model 64001 at 40832: it does not end after 256 models"),
    ],
)
async def test_a_broken_chain_is_told_in_one_line(device_, told):
    assert await broken(device_) == f"unit 7: the chain of SunSpec models is broken{told}"


async def test_a_device_that_has_nothing_for_us_is_told():
    assert await broken(chain((1, 66), (120, 26)), settings("SunSpec-203")) == (
        "unit 7: the device has none of the SunSpec models 203; it has 1, 120"
    )
    assert await broken(device(101), settings(measurands=["current_l2", "voltage_l3"])) == (
        "unit 7: SunSpec model 101 has nothing of what is asked for: current_l2, voltage_l3"
    )
