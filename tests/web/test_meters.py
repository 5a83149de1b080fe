from tests.web.made_up import DAY_US, NOON_US, asking, home, meter


async def test_the_site_and_its_meters(tmp_path):
    meters = [meter(intervals_us={"voltage_l1": 500_000}), meter("Süd", "SDM230", address=7, measurands=("frequency",))]
    history = [("house", NOON_US - DAY_US, {"voltage_l1": 230.0})]
    async with home(tmp_path, meters=meters, history=history) as made, asking(made) as client:
        found = (await client.get("/api/v1/meters")).json()
    assert found["site"] == {"timezone": "Europe/Berlin", "language": "de", "currency": None}
    house, south = found["meters"]
    assert (house["name"], house["model"], house["bus"], house["address"]) == ("house", "SDM530", "bus1", 1)
    assert (house["first"], south["first"]) == ("2026-11-23T11:00:00.000Z", None)
    assert south["address"] == 7
    voltage = next(one for one in house["measurands"] if one["id"] == "voltage_l1")
    assert voltage == {
        "id": "voltage_l1",
        "label": {"en": "Voltage L1", "de": "Spannung L1"},
        "unit": "V",
        "kind": "instantaneous",
        "interval_s": 0.5,
        "decimals": 1,
    }
    assert [one["id"] for one in south["measurands"]] == ["frequency"]


async def test_latest_values_and_who_is_silent(tmp_path):
    async with home(tmp_path, meters=[meter(), meter("garage", address=2)]) as made, asking(made) as client:
        made.read({"voltage_l1": 230.5, "active_power_total": None}, ago_s=1.5)
        made.house.pollers[1].state.silent_since_us = NOON_US
        found = (await client.get("/api/v1/latest")).json()
    assert found == {
        "time": "2026-11-24T11:00:00.000Z",
        "meters": [
            {
                "name": "house",
                "silent_since": None,
                "values": {
                    "voltage_l1": {"value": 230.5, "time": "2026-11-24T10:59:58.500Z"},
                    "active_power_total": {"value": None, "time": "2026-11-24T10:59:58.500Z"},
                },
            },
            {"name": "garage", "silent_since": "2026-11-24T11:00:00.000Z", "values": {}},
        ],
    }
