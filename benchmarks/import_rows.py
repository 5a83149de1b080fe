"""How long it takes to import a million rows of the original's table, 68 values each, from CSV and from PostgreSQL.

The command itself, from its start to its end, with the roll-ups that it makes; the journal is on this machine's disk,
and the server, as it comes (fsync on), runs on this machine as well.

    python benchmarks/import_rows.py [--rows N] [--source csv|postgresql]
"""

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from lib.postgresql import server
from psycopg import sql

from smartmeter.measurands import measurands
from smartmeter.models.catalogue import load_model
from smartmeter.settings.model import PostgresqlSettings

MILLION = 1_000_000
BAR_S = 60
INTERVAL_S = 5
START = datetime(2024, 1, 1, tzinfo=UTC)

REGISTERS = sorted(load_model("SDM530").registers, key=lambda id_: measurands()[id_].column("de"))
COLUMNS = [measurands()[id_].column("de") for id_ in REGISTERS]
IS_COUNTER = [measurands()[id_].kind == "counter" for id_ in REGISTERS]

SETTINGS = """
timezone = "Europe/Berlin"
language = "de"
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
name = "smartmeter"
model = "SDM530"
address = 1
"""
DATABASE = """
[postgresql]
host = "{host}"
port = {port}
database = "{database}"
user = "{user}"
table = "original"
"""


def rows(number: int) -> Iterator[str]:
    """Lines of CSV with the digits that a meter gives, rounded to 4 as the original did."""
    # 997 different rows: their making must not take longer than their import. Counters always grow.
    patterns = [
        [f"{200 + index + (row * 7919 + index * 104_729) % 100_000 / 1e4:.4f}" for index in range(len(COLUMNS))]
        for row in range(997)
    ]
    for row in range(number):
        values = patterns[row % len(patterns)]
        counted = f"{1000 + row * 0.0015:.4f}"
        cells = (counted if is_counter else value for is_counter, value in zip(IS_COUNTER, values, strict=True))
        yield f"{START + timedelta(seconds=INTERVAL_S * row)},{','.join(cells)}\n"


def write_csv(path: Path, number: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(f"ts,{','.join(COLUMNS)}\n")
        file.writelines(rows(number))


def fill_table(settings: PostgresqlSettings, path: Path) -> None:
    """The original's table with the rows of the file."""
    with psycopg.connect(host=settings.host, port=settings.port, user=settings.user, dbname=settings.database) as link:
        doubles = sql.SQL(", ").join(sql.SQL("{} double precision").format(sql.Identifier(name)) for name in COLUMNS)
        link.execute(sql.SQL("CREATE TABLE original (ts timestamptz PRIMARY KEY, {})").format(doubles))
        with link.cursor().copy("COPY original FROM STDIN WITH (FORMAT csv, HEADER)") as copy, path.open("rb") as file:
            while block := file.read(1 << 20):
                copy.write(block)
        link.execute("ANALYZE original")


def measure(source: str, directory: Path, settings: str) -> float:
    """Seconds that the command takes."""
    directory.mkdir()
    path = directory / "smartmeter.toml"
    path.write_text(settings, "utf-8")
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-m", "smartmeter", "import", source, "-c", str(path)], check=True)
    return time.monotonic() - began_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=MILLION, help="default a million")
    parser.add_argument("--source", choices=("csv", "postgresql"), help="default: both")
    args = parser.parse_args()
    print(f"Python {platform.python_version()} on {platform.machine()}, {args.rows} rows of {len(COLUMNS)} values")
    took_s = {}
    with tempfile.TemporaryDirectory(prefix="smartmeter-benchmark-") as name:
        directory = Path(name)
        file = directory / "original.csv"
        write_csv(file, args.rows)
        if args.source != "postgresql":
            took_s["CSV"] = measure(str(file), directory / "csv", SETTINGS)
        if args.source != "csv":
            with server() as database:
                fill_table(database, file)
                address = {key: getattr(database, key) for key in ("host", "port", "database", "user")}
                took_s["PostgreSQL"] = measure(
                    "postgresql", directory / "postgresql", SETTINGS + DATABASE.format_map(address)
                )
    for source, seconds in took_s.items():
        print(f"{source}: {seconds:.1f} s, {args.rows / seconds:,.0f} rows/s")
    if args.rows != MILLION:
        return 0
    late = [source for source, seconds in took_s.items() if seconds > BAR_S]
    print(f"bar: {BAR_S} s for a million rows{', missed by ' + ', '.join(late) if late else ', held'}")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
