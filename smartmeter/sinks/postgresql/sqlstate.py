"""What an error of PostgreSQL means for the readings: refuse some, or keep all and come again.

Codes: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes". `docs/database.md` shows this table to the owner.
"""

from enum import Enum, auto


class Verdict(Enum):
    """What to do with the readings that an error came for."""

    LOOK_CLOSER = auto()
    """Together they do not go in, which says nothing about any of them: tell them apart."""
    REFUSED = auto()
    """The database will never take one of them: find it, set it aside, store the rest."""
    UNAVAILABLE = auto()
    """Nothing is wrong with the readings: all of them wait."""


# A key that is there already, COPY on a table with row-level security.
_LOOK_CLOSER = ("23505", "0A000")

# Data exceptions, integrity constraints, a trigger's own RAISE EXCEPTION.
_REFUSED_PREFIXES = ("22", "23", "P0001")

_ADVICE_BY_SQLSTATE = {
    "3F000": "create it with CREATE SCHEMA, or correct its name in the settings",
    "25006": "the server only reads; is it a standby?",
    "42501": "grant the right, see docs/database.md",
    "42703": "was the table changed? It is looked at anew",
    "42P01": "was the table dropped? It is looked for anew",
    "53100": "make room on the database server",
    "53300": "raise max_connections, or close connections",
}

# A connection that fails has no SQLSTATE, only the server's words (in English unless lc_messages says otherwise).
_ADVICE_BY_WORDS = {
    "password authentication failed": "check user and password in the settings",
    "no password supplied": "set the password in the settings",
    "no pg_hba.conf entry": "allow this address, database and user in the server's pg_hba.conf",
    'role "': "create the user: CREATE ROLE … LOGIN PASSWORD …",
    'database "': "create the database, or correct its name in the settings",
    "Connection refused": "is PostgreSQL running and listening there? Check host and port",
    "timeout expired": "is the host right, and does a firewall let port and address through?",
    "failed to resolve host": "check the host name in the settings and the network's name server",
    "SSL": "check sslmode in the settings",
}


def verdict(sqlstate: str | None) -> Verdict:
    """What an error with this SQLSTATE means; None stands for a lost connection."""
    if sqlstate in _LOOK_CLOSER:
        return Verdict.LOOK_CLOSER
    if sqlstate is not None and sqlstate.startswith(_REFUSED_PREFIXES):
        return Verdict.REFUSED
    return Verdict.UNAVAILABLE


def advice(sqlstate: str | None, words: str) -> str | None:
    """What the owner can do about it, where that is known."""
    if sqlstate is not None:
        return _ADVICE_BY_SQLSTATE.get(sqlstate)
    return next((advice for sign, advice in _ADVICE_BY_WORDS.items() if sign in words), None)
