from smartmeter.history.columns import aggregates, rollup_column
from smartmeter.measurands import measurands

# PostgreSQL cuts longer names short (NAMEDATALEN).
IDENTIFIER_BYTES = 63


def test_counters_have_first_and_last_all_others_a_mean_and_extremes():
    assert aggregates("counter") == ("first", "last")
    assert aggregates("instantaneous") == aggregates("demand") == aggregates("maximum") == ("mean", "min", "max")


def test_every_column_fits_postgresql():
    for measurand in measurands().values():
        for language in ("en", "de"):
            for aggregate in aggregates(measurand.kind):
                assert len(rollup_column(measurand.column(language), aggregate).encode()) <= IDENTIFIER_BYTES
