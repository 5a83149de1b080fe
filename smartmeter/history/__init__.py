"""One way to read what was kept, whichever store it lies in."""

from smartmeter.history.model import EnergyRow, FlagRow, History, MeansRow, RollupRow

__all__ = ["EnergyRow", "FlagRow", "History", "MeansRow", "RollupRow"]
