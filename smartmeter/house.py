"""The running program, as those see it who answer questions about it: the bot and the page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smartmeter.alarms.messages import Wording
from smartmeter.alarms.watch import AlarmWatch
from smartmeter.clock import Clock, Moment
from smartmeter.history.model import History
from smartmeter.journal import Journal
from smartmeter.live import Live
from smartmeter.polling.bus import Bus
from smartmeter.polling.fast import FastInterval
from smartmeter.polling.learned import Learned
from smartmeter.polling.poller import MeterPoller
from smartmeter.settings.model import MeterSettings, Settings
from smartmeter.sinks.shipper import ShipperState


@dataclass(frozen=True, slots=True)
class House:
    """The parts of the daemon that answers are made of.

    `shorten` begins the fast interval: microseconds, and seconds for how long. `shippers` holds how each sink fares, by
    its name, from when it has begun.
    """

    settings: Settings
    wording: Wording
    clock: Clock
    started: Moment
    live: Live
    buses: Sequence[Bus]
    pollers: Sequence[MeterPoller]
    journal: Journal
    history: History
    shippers: Mapping[str, ShipperState]
    alarms: AlarmWatch
    fast: FastInterval
    shorten: Callable[[int, float], None]

    @property
    def meters(self) -> Sequence[MeterSettings]:
        """All meters, in the order of the settings."""
        return [meter for bus in self.settings.buses for meter in bus.meters]

    @property
    def learned(self) -> Mapping[str, Learned]:
        """What is known of each meter, by its name."""
        return {poller.meter.name: poller.state.learned for poller in self.pollers}

    @property
    def state(self) -> Path:
        """The file that remembers paired chats and alarms."""
        return self.settings.journal.state_path
