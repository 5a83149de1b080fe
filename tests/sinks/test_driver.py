import sys

import pytest

from smartmeter.sinks.driver import DriverError, require_driver


def test_psycopg_is_there():
    require_driver()


def test_without_psycopg_it_is_told_what_to_install(monkeypatch):
    # None makes Python refuse the import.
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in [name for name in sys.modules if name.startswith("smartmeter.sinks.postgresql")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(DriverError, match="sudo apt install libpq5"):
        require_driver()
