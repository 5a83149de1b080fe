"""What lies beside the raw table, and what it is called."""

from dataclasses import dataclass

from psycopg import sql

from smartmeter.periods import Period
from smartmeter.sinks.postgresql.table import TableError

# PostgreSQL documentation, "Lexical Structure": a name that is longer is cut, and could then be another's.
LONGEST_NAME_BYTES = 63
_LONGEST_SUFFIX = "_counter_decision"


@dataclass(frozen=True, slots=True)
class Names:
    """The raw table and its schema, and by them the tables that are kept beside it."""

    schema: str
    table: str

    def __post_init__(self) -> None:
        if len((self.table + _LONGEST_SUFFIX).encode()) > LONGEST_NAME_BYTES:
            raise TableError(
                f"the name of table {self.table!r} is too long for roll-ups beside it: a name has at most "
                f"{LONGEST_NAME_BYTES - len(_LONGEST_SUFFIX)} bytes"
            )

    @property
    def raw(self) -> sql.Identifier:
        """The readings."""
        return sql.Identifier(self.schema, self.table)

    def rollup(self, period: Period) -> sql.Identifier:
        """Means, minima, maxima, firsts and lasts of each period."""
        return self._beside(f"_{period}")

    def energy(self, period: Period) -> sql.Identifier:
        """The energy of each period by each counter."""
        return self._beside(f"_energy_{period}")

    @property
    def dirty(self) -> sql.Identifier:
        """The quarter-hours whose readings changed since they were rolled up."""
        return self._beside("_dirty")

    @property
    def flag(self) -> sql.Identifier:
        """What the guard found."""
        return self._beside("_counter_flag")

    @property
    def decision(self) -> sql.Identifier:
        """What the owner decided."""
        return self._beside("_counter_decision")

    @property
    def health(self) -> sql.Identifier:
        """How measuring itself fares."""
        return self._beside("_health")

    @property
    def steps(self) -> sql.Identifier:
        """The steps of the schema that were run."""
        return self._beside("_schema")

    @property
    def meta(self) -> sql.Identifier:
        """In which zone, and by which prices, hours and days were made."""
        return self._beside("_meta")

    def rollup_name(self, period: Period) -> str:
        """The name of a roll-up without its schema."""
        return f"{self.table}_{period}"

    def _beside(self, suffix: str) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table + suffix)
