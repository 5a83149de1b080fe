import pytest

from smartmeter.transfer.columns import find_columns
from smartmeter.transfer.errors import TransferError
from tests.sinks.made_up import LEGACY_COLUMNS


def test_the_originals_columns_are_all_known():
    columns = find_columns(["ts", *LEGACY_COLUMNS], "table")
    assert (columns.time, columns.meter, columns.left_out) == (0, None, ())
    assert sorted(columns.measurands.values()) == list(range(1, 69))


def test_names_are_german_or_english_in_any_case():
    columns = find_columns(["Zeit", "Spannung_L1", "VOLTAGE_L2", "Meter", " frequency "], "table")
    assert (columns.time, columns.meter) == (0, 3)
    assert columns.measurands == {"voltage_l1": 1, "voltage_l2": 2, "frequency": 4}


def test_what_is_no_measurand_is_left_out_and_named():
    assert find_columns(["ts", "Kommentar", "voltage_l1"], "table").left_out == ("Kommentar",)


def test_of_two_columns_for_one_measurand_the_first_counts():
    columns = find_columns(["ts", "voltage_l1", "spannung_l1"], "table")
    assert (columns.measurands, columns.left_out) == ({"voltage_l1": 1}, ("spannung_l1",))


def test_a_table_without_time_is_told_what_it_has():
    with pytest.raises(TransferError, match=r"^table: no column is called ts, .* there are datum, spannung_l1$"):
        find_columns(["datum", "spannung_l1"], "table")


def test_a_table_without_measurands_is_told_what_it_has():
    with pytest.raises(TransferError, match=r"measurand.* there are ts, a, b, c, d, e and 2 more$"):
        find_columns(["ts", "a", "b", "c", "d", "e", "f", "g"], "table")
