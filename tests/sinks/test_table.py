from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.measurands import measurands
from smartmeter.sinks.postgresql.catalog import Column, Table
from smartmeter.sinks.postgresql.table import TableError, layout_of, table_language, without_column

DOUBLE = "double precision"
TIME = Column("ts", "timestamp with time zone", required=True, writable=True)
METER = Column("meter", "text", required=True, writable=True)


def column(name, type_=DOUBLE, *, required=False, writable=True):
    return Column(name, type_, required, writable)


def table(*columns, keys=(("ts",),), **changes):
    facts = Table(
        schema="public",
        name="smartmeter",
        plain=True,
        columns={each.name: each for each in (TIME, *columns)},
        keys=frozenset(map(frozenset, keys)),
        owned=True,
        may_insert=True,
        may_select=True,
        hypertable=False,
    )
    return replace(facts, **changes)


def names(layout):
    return {id_: each.name for id_, each in layout.columns.items()}


def test_a_table_like_the_originals_is_for_one_meter():
    layout = layout_of(table(column("spannung_l1"), column("frequenz")), ["haus"], "de")
    assert (layout.key, layout.has_meter, layout.only_meter) == (("ts",), False, "haus")
    assert names(layout) == {"voltage_l1": "spannung_l1", "frequency": "frequenz"}


def test_a_table_like_the_originals_is_not_for_two_meters():
    with pytest.raises(TableError, match=r"for one meter.*have 2 \(haus, garage\); name another table"):
        layout_of(table(column("spannung_l1")), ["haus", "garage"], "de")


def test_our_table_is_for_any_number_of_meters():
    layout = layout_of(table(METER, column("voltage_l1"), keys=[("meter", "ts")]), ["haus", "garage"], "en")
    assert (layout.key, layout.has_meter, layout.only_meter) == (("meter", "ts"), True, None)


def test_a_meter_column_that_is_not_in_the_key_makes_no_room_for_a_second_meter():
    own = table(METER, column("voltage_l1"))
    assert layout_of(own, ["haus"], "en").only_meter == "haus"
    with pytest.raises(TableError, match="for one meter"):
        layout_of(own, ["haus", "garage"], "en")


@pytest.mark.parametrize("keys", [(), [("ts", "voltage_l1")], [("meter",)]])
def test_a_table_without_a_key_is_refused_because_repeats_would_stay(keys):
    with pytest.raises(TableError, match=r"no primary key \(meter, ts\).*ADD PRIMARY KEY \(meter, ts\)"):
        layout_of(table(METER, column("voltage_l1"), keys=keys), ["haus"], "en")


def test_a_table_without_a_time_is_refused():
    with pytest.raises(TableError, match="needs a column ts of type timestamp with time zone;"):
        layout_of(table(columns={"voltage_l1": column("voltage_l1")}), ["haus"], "en")


def test_a_time_without_a_zone_is_refused():
    wrong = {"ts": column("ts", "timestamp without time zone")}
    with pytest.raises(TableError, match="it has type timestamp without time zone; change it"):
        layout_of(table(columns=wrong), ["haus"], "en")


def test_a_view_is_refused():
    with pytest.raises(TableError, match="is not a table"):
        layout_of(table(plain=False), ["haus"], "en")


def test_a_column_that_no_meter_fills_must_not_demand_a_value():
    with pytest.raises(TableError, match="demands values for ort, which no meter gives"):
        layout_of(table(column("ort", "text", required=True)), ["haus"], "en")


def test_foreign_columns_are_left_alone():
    assert names(layout_of(table(column("bemerkung", "text"), column("voltage_l1")), ["haus"], "en")) == {
        "voltage_l1": "voltage_l1"
    }


def test_columns_may_be_in_either_language_and_the_wanted_one_goes_first():
    mixed = table(column("spannung_l1"), column("voltage_l1"), column("frequenz"))
    assert names(layout_of(mixed, ["haus"], "en")) == {"voltage_l1": "voltage_l1", "frequency": "frequenz"}
    assert names(layout_of(mixed, ["haus"], "de")) == {"voltage_l1": "spannung_l1", "frequency": "frequenz"}


def test_a_computed_column_is_not_written():
    computed = table(column("voltage_l1", writable=False))
    assert names(layout_of(computed, ["haus"], "en")) == {}
    assert without_column(computed, ["voltage_l1"]) == ()


@pytest.mark.parametrize(
    ("type_", "copy"),
    [
        (DOUBLE, "binary"),
        ("real", "text"),
        ("numeric(8,2)", "text"),
        ("smallint", None),
        ("bigint", None),
    ],
)
def test_how_rows_get_in_depends_on_the_columns_types(type_, copy):
    assert layout_of(table(column("voltage_l1"), column("frequency", type_)), ["haus"], "en").copy == copy


@pytest.mark.parametrize(
    ("type_", "copy"), [("text", "binary"), ("character varying(20)", "binary"), ("integer", None)]
)
def test_how_rows_get_in_depends_on_the_meters_type(type_, copy):
    own = table(column("meter", type_), column("voltage_l1"), keys=[("meter", "ts")])
    assert layout_of(own, ["haus"], "en").copy == copy


def test_the_language_of_a_table_is_that_of_most_columns():
    assert table_language(table(column("spannung_l1")), "en") == "de"
    assert table_language(table(column("voltage_l1"), column("frequency"), column("strom_l1")), "de") == "en"
    assert table_language(table(), "de") == "de"
    assert table_language(table(column("voltage_l1"), column("strom_l1")), "en") == "en"


ids = st.lists(st.sampled_from(sorted(measurands())), unique=True)


@given(there=ids, wanted=ids, german=st.booleans())
def test_what_lacks_a_column_is_what_is_wanted_and_not_there(there, wanted, german):
    own = table(*(column(measurands()[id_].column("de" if german else "en")) for id_ in there))
    lacking = without_column(own, wanted)
    assert set(lacking) == set(wanted) - set(there)
    assert len(lacking) == len(set(lacking))
    assert set(layout_of(own, ["haus"], "en").columns) == set(there)
