"""The root of the error tree.

Every error that a user can cause or meet is a `SmartmeterError`; its text is one line that says what is wrong, where,
and what to do. The command line prints that line and no traceback. Packages derive their own errors beside their code.
"""


class SmartmeterError(Exception):
    """Something outside the program is wrong; `str(error)` is the line for the user."""
