import psycopg
import pytest

from smartmeter.sinks.postgresql.sqlstate import Verdict, advice, verdict

ERRORS = psycopg.errors


@pytest.mark.parametrize(
    "error",
    [
        ERRORS.NumericValueOutOfRange,
        ERRORS.InvalidTextRepresentation,
        ERRORS.StringDataRightTruncation,
        ERRORS.NotNullViolation,
        ERRORS.CheckViolation,
        ERRORS.ForeignKeyViolation,
        ERRORS.RaiseException,
    ],
)
def test_what_is_wrong_with_a_row_is_refused_for_good(error):
    assert verdict(error.sqlstate) is Verdict.REFUSED


@pytest.mark.parametrize(
    "error",
    [
        ERRORS.AdminShutdown,
        ERRORS.CannotConnectNow,
        ERRORS.DeadlockDetected,
        ERRORS.DiskFull,
        ERRORS.InsufficientPrivilege,
        ERRORS.InternalError_,
        ERRORS.LockNotAvailable,
        ERRORS.QueryCanceled,
        ERRORS.ReadOnlySqlTransaction,
        ERRORS.SerializationFailure,
        ERRORS.TooManyConnections,
        ERRORS.UndefinedColumn,
        ERRORS.UndefinedTable,
    ],
)
def test_what_can_pass_or_be_mended_makes_readings_wait(error):
    assert verdict(error.sqlstate) is Verdict.UNAVAILABLE


def test_a_lost_connection_makes_readings_wait():
    assert verdict(None) is Verdict.UNAVAILABLE


@pytest.mark.parametrize("error", [ERRORS.UniqueViolation, ERRORS.FeatureNotSupported])
def test_what_says_nothing_of_a_single_row_is_looked_at_closer(error):
    assert verdict(error.sqlstate) is Verdict.LOOK_CLOSER


@pytest.mark.parametrize(
    ("words", "key_word"),
    [
        ('password authentication failed for user "pi"', "password"),
        ('database "strom" does not exist', "create the database"),
        ('role "pi" does not exist', "create the user"),
        ('no pg_hba.conf entry for host "10.0.0.2", user "pi", database "strom", no encryption', "pg_hba.conf"),
        ("Connection refused", "running"),
        ("connection timeout expired", "firewall"),
    ],
)
def test_the_usual_mistakes_get_advice(words, key_word):
    assert key_word in advice(None, words)


def test_there_is_no_advice_where_none_is_known():
    assert advice(None, "der Server ist müde") is None
    assert advice("XX000", 'database "x" does not exist') is None
