"""The demand periods of the settings, written on a bus that a daemon has."""

from smartmeter.configuring.demand import write_demand_periods
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.polling.bus import Bus
from smartmeter.settings.model import BusSettings, MeterSettings
from smartmeter.simulator import VirtualLine
from tests.configuring.setting import meter_of, writes


async def test_the_daemon_s_bus_writes_when_its_turn_comes():
    taken, refused, left = meter_of("SDM630"), meter_of("SDM120", 2), meter_of("SDM230", 3)
    meters = tuple(
        MeterSettings(f"m{meter.address}", meter.model, meter.address, {}, demand_period_min=period)
        for meter, period in ((taken, 15), (refused, 30), (left, None))
    )
    with VirtualLine(SerialFormat(9600), [taken, refused, left], turnaround_s=0.001) as line:
        bus = Bus(BusSettings("b", str(line.path), SerialFormat(9600), 0.1, meters))
        await bus.open()
        await write_demand_periods([bus])
        bus.close()
    assert (taken.holding["demand_period"], refused.holding["demand_period"]) == (15, 15)
    assert [unit for unit, *_ in writes(line)] == [1, 2]


async def test_a_daemon_s_bus_without_its_port_is_told(caplog):
    meter = MeterSettings("house", load_model("SDM630"), 1, {}, demand_period_min=15)
    await write_demand_periods([Bus(BusSettings("b", "/dev/null", SerialFormat(9600), 0.1, (meter,)))])
    assert "Meter house: demand period: /dev/null: the port is closed." in caplog.text
