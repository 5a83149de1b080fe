"""PostgreSQL's client library, which is not on every machine."""

from smartmeter.sinks.sink import SinkError


class DriverError(SinkError):
    """The client library is missing."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL's client library is missing; on Debian and Raspberry Pi OS: sudo apt install libpq5. "
            "Until the next start after that, readings stay in the journal"
        )


def require_driver() -> None:
    """Import psycopg and what uses it, which takes a while and 13 MB.

    Raises DriverError if it, or the library that it needs, is missing.
    """
    try:
        import smartmeter.sinks.postgresql  # noqa: F401, PLC0415 - only who has a database pays for it
    except ImportError:
        raise DriverError from None
