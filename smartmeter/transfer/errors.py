"""What can be wrong with a file or a table that readings come from or go to."""

from smartmeter.errors import SmartmeterError


class TransferError(SmartmeterError):
    """A file or a table cannot be read or written, or does not hold what is needed."""
