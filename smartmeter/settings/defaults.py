"""What holds where a settings file, of whichever format, says nothing."""

from smartmeter.settings.durations import SECOND_US, UNITS_US

INTERVAL_US = 10 * SECOND_US
# How long the first character of an answer may take: the original's time-out.
TIMEOUT_US = SECOND_US // 2
COMMIT_INTERVAL_US = 5 * SECOND_US
SHIP_INTERVAL_US = 5 * SECOND_US
FAST_INTERVAL_US = 2 * SECOND_US
FAST_DURATION_US = 2 * UNITS_US["m"]
# Long enough that no switching, start of a motor or single wrong value is an alarm.
ALARM_FOR_US = UNITS_US["m"]
TELEGRAM_API_URL = "https://api.telegram.org"
WEB_HOST = "127.0.0.1"
WEB_PORT = 8080
POSTGRESQL_PORT = 5432
SSH_PORT = 22
TABLE = "smartmeter"
KNOWN_HOSTS = "~/.ssh/known_hosts"


def default_keep_s(*, has_sink: bool) -> float | None:
    """How long the journal keeps what every sink has taken: 90 days, or for ever if there is no sink."""
    return 90 * UNITS_US["d"] / SECOND_US if has_sink else None
