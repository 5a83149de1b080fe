"""Export and import: readings go out as files, and come in from files and from tables of others."""

from smartmeter.transfer.errors import TransferError

__all__ = ["TransferError"]
