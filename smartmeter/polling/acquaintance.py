"""Which meter answers at an address, and what is known of it: another one may take its place at any time."""

import logging
from collections.abc import Iterable

from smartmeter.clock import Clock
from smartmeter.models import Model
from smartmeter.polling.identity import read_serial_number
from smartmeter.polling.known import KnownMeter, learned_of
from smartmeter.polling.learned import UNKNOWN
from smartmeter.polling.meter_state import MeterState
from smartmeter.polling.round import ReadRegisters
from smartmeter.polling.turnaround import Turnarounds
from smartmeter.settings.model import MeterSettings

# A meter that reads well but gives no good answer to the question for its serial number is asked that often.
ATTEMPTS = 3

log = logging.getLogger(__name__)


class Acquaintance:
    """Fills in serial number and what is known in the `state` of a meter.

    `known` are the meters that were met at this address before.
    """

    def __init__(
        self, meter: MeterSettings, bus: str, state: MeterState, clock: Clock, known: Iterable[KnownMeter]
    ) -> None:
        self.turnarounds = Turnarounds()
        self._name = meter.name
        self._address = meter.address
        self._bus = bus
        self._state = state
        self._clock = clock
        # By serial number, the last one that was met at the end.
        self._known = {one.serial_number: one for one in sorted(known, key=lambda one: one.met_us)}
        self._attempts = ATTEMPTS
        self._met_us = 0

    def known(self, model: Model) -> KnownMeter | None:
        """What is worth keeping of the meter; None if nothing is, or while it is not clear which one it is."""
        state = self._state
        if state.serial_number is None or state.learned == UNKNOWN:
            return None
        number, learned = state.serial_number, state.learned
        return KnownMeter(self._bus, self._address, number, model.name, learned, state.since_us, self._met_us)

    def forget(self) -> None:
        """Begin to learn anew."""
        self._known.clear()
        self._state.learned = UNKNOWN
        self._state.since_us = self._clock.wall_us()
        log.info("Meter %s: what was learned of it is forgotten.", self._name)

    def doubt(self) -> None:
        """It was silent, and may be another one."""
        self._attempts = ATTEMPTS

    async def identify(self, unit: int, model: Model, read: ReadRegisters) -> None:
        """Ask the meter which one it is, unless that is clear.

        Raises PortError if the port goes away.
        """
        if not self._attempts:
            return
        number = await read_serial_number(unit, model.identification.serial_number, read)
        if number is not None:
            self.take_for(number, model)

    def note_answers(self, model: Model) -> None:
        """It answers. If it does not tell its serial number nevertheless, it is not asked for ever."""
        if self._attempts:
            self._attempts -= 1
            if not self._attempts:
                self.take_for("", model)

    def take_for(self, number: str, model: Model) -> None:
        """It is the meter with this serial number, or the one that was there before if it tells none."""
        self._attempts = 0
        state = self._state
        last = next(reversed(self._known), "") if state.serial_number is None else state.serial_number
        if number == state.serial_number or (not number and state.serial_number):
            return
        if (before := self.known(model)) is not None:
            self._known[before.serial_number] = before
        if number and last and number != last:
            log.warning(
                "Meter %s was exchanged: its serial number is %s, it was %s. What was learned of the old one is not "
                "used for it. So that totals go on, say: smartmeter meter replaced %s",
                *(self._name, number, last, self._name),
            )
            state.learned = UNKNOWN
            self.turnarounds = Turnarounds()
        state.serial_number = number
        self._met_us = state.since_us = self._clock.wall_us()
        known = self._known.get(number)
        if known is not None:
            state.learned, state.since_us = learned_of(known, model), known.since_us
