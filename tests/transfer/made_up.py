"""A history in memory, with readings that the tests make; and settings of a house."""

from smartmeter.history.model import EnergyRow, RollupRow
from smartmeter.reading import Reading

NEW_YEAR_US = 1_704_067_200_000_000
SETTINGS = """
timezone = "Europe/Berlin"
language = "de"
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
name = "house"
model = "SDM530"
address = 1
"""
DATABASE = """
[postgresql]
host = "{host}"
port = {port}
database = "{database}"
user = "{user}"
password = "{password}"
manage_schema = false
"""


def with_database(postgresql):
    """The settings with this database."""
    fields = ("host", "port", "database", "user", "password")
    return SETTINGS + DATABASE.format_map({name: getattr(postgresql, name) for name in fields})


def reading(number, values, meter="house", step_us=1_000_000):
    return Reading(meter, NEW_YEAR_US + number * step_us, "boot", number, values)


class MadeUpHistory:
    """Gives what it was made with. A roll-up of the first day tells which measurands there are."""

    name = "journal"

    def __init__(self, readings=(), energy=(), rollups=None, batch=2):
        self._readings = list(readings)
        self._energy = energy
        self._rollups = rollups
        self._batch = batch
        self.fails_after = None

    async def meters(self):
        return list(dict.fromkeys(reading.meter for reading in self._readings))

    async def span(self, meter):
        times = [reading.time_us for reading in self._readings if reading.meter == meter]
        return (min(times), max(times)) if times else None

    async def energy(self, meter, measurands, period, from_us, until_us):
        rows = [EnergyRow(*row) for row in self._energy]
        return [
            row
            for row in rows
            if row.meter == meter and row.measurand in measurands and from_us <= row.start_us < until_us
        ]

    async def rollups(self, meter, columns, period, from_us, until_us):
        rows = self._rollups
        if rows is None:
            ids = dict.fromkeys(id_ for each in self._readings for id_ in each.values)
            rows = [RollupRow(meter, NEW_YEAR_US, 1, {f"{id_}_{end}": 1.0 for id_ in ids for end in ("mean", "first")})]
        return [
            RollupRow(row.meter, row.start_us, row.n, {key: row.values[key] for key in columns if key in row.values})
            for row in rows
            if row.meter == meter and from_us <= row.start_us < until_us
        ]

    async def readings(self, meter, from_us, until_us):
        found = [each for each in self._readings if each.meter == meter and from_us <= each.time_us < until_us]
        found.sort(key=lambda each: each.time_us)
        for index in range(0, len(found), self._batch):
            if self.fails_after is not None and index >= self.fails_after:
                raise KeyboardInterrupt
            yield found[index : index + self._batch]

    async def close(self):
        pass
