"""The demand periods of the settings, written to the meters while a daemon reads them: what SIGUSR1 asks for."""

import asyncio
import logging
from collections.abc import Iterable

from smartmeter.configuring.asking import Asker, OnBus
from smartmeter.configuring.carry_out import carry_out
from smartmeter.configuring.change import plan_change
from smartmeter.errors import SmartmeterError
from smartmeter.models.parameter import DEMAND_PERIOD
from smartmeter.polling.bus import Bus
from smartmeter.settings.model import MeterSettings

log = logging.getLogger(__name__)


async def write_demand_periods(buses: Iterable[Bus]) -> None:
    """Make the demand period of every meter what its settings say, where they do and it is not.

    One line of log for each meter, also for what goes wrong. Buses do not wait for one another.
    """
    wanted = [bus for bus in buses if any(meter.demand_period_min is not None for meter in bus.settings.meters)]
    if not wanted:
        log.warning("SIGUSR1: no meter has a demand period in the settings, so nothing is written.")
    async with asyncio.TaskGroup() as tasks:
        for bus in wanted:
            tasks.create_task(_write_on(bus))


async def _write_on(bus: Bus) -> None:
    for meter in bus.settings.meters:
        if meter.demand_period_min is None:
            continue
        try:
            await _write(meter, meter.demand_period_min, OnBus(bus))
        except SmartmeterError as error:
            log.error("Meter %s: demand period: %s.", meter.name, error)  # noqa: TRY400 - a line for the owner


async def _write(meter: MeterSettings, period_min: int, asker: Asker) -> None:
    change = await plan_change(asker, meter, DEMAND_PERIOD, str(period_min))
    if not change.is_needed:
        log.info("Meter %s: the demand period is %s min already.", meter.name, change.value)
        return
    outcome = await carry_out(change, asker)
    complaint = f", although it answered: {outcome.complaint}" if outcome.complaint else ""
    log.info("Meter %s: %s, written and read back%s.", meter.name, change, complaint)
