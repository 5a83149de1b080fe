"""`/energy`, `/verbrauch`: what was imported and exported today, yesterday and this month, by the energy counters."""

from collections.abc import Sequence

from smartmeter.bot.answer import Answer, Button, NotUnderstoodError, bold, escaped
from smartmeter.bot.arguments import Wish, meter_key, understand
from smartmeter.bot.words import say
from smartmeter.energy.tariff import EXPORT, IMPORT, currency_of
from smartmeter.history.model import EnergyRow
from smartmeter.house import House
from smartmeter.measurands import measurands
from smartmeter.periods import period_end, period_start
from smartmeter.reports.amounts import amount
from smartmeter.reports.words import number
from smartmeter.settings.model import MeterSettings

Span = tuple[str, int, int]


async def energy(house: House, words: Sequence[str]) -> Answer:
    """A block for each meter. What the counters have counted by now may lag by a minute, as roll-ups do."""
    language = house.wording.language
    wish = understand(house, words, "energy_usage")
    if wish.measurand is not None or wish.duration_us is not None:
        raise NotUnderstoodError(say("energy_usage", language))
    now_us = house.clock.wall_us()
    meters = [wish.meter] if wish.meter else list(house.meters)
    time = f"{house.wording.local(now_us):%H:%M}"
    head = f"{bold(say('energy', language))} {say('as_of', language, time=time)}"
    blocks = [await _block(house, meter, _spans(house, now_us)) for meter in meters]
    return Answer("\n\n".join([head, *blocks]), (_buttons(house, wish),))


def _spans(house: House, now_us: int) -> list[Span]:
    """The words for each span, and its days: from the start of the first to the end of the last."""
    zone = house.wording.zone
    today_us = period_start("1d", now_us, zone)
    yesterday_us = period_start("1d", today_us - 1, zone)
    month_us = period_start("1mo", now_us, zone)
    end_us = period_end("1d", today_us, zone)
    return [("today", today_us, end_us), ("yesterday", yesterday_us, today_us), ("month", month_us, end_us)]


async def _block(house: House, meter: MeterSettings, spans: Sequence[Span]) -> str:
    language = house.wording.language
    counters = _counters(meter)
    lines = [bold(meter.name)]
    if not counters:
        return "\n".join([*lines, say("no_energy", language)])
    from_us = min(start_us for _, start_us, _ in spans)
    rows = await house.history.energy(meter.name, counters, "1d", from_us, max(end_us for *_, end_us in spans))
    currency = currency_of(house.settings.tariffs, meter.name)
    for key, start_us, end_us in spans:
        within = [row for row in rows if start_us <= row.start_us < end_us]
        texts = [_counted(house, counter, within, currency) for counter in counters]
        lines.append(f"{say(key, language)}: {', '.join(texts)}")
    if any(row.cost is not None for row in rows):
        lines.append(f"({say('priced_at', language)})")
    return "\n".join(lines)


def _counters(meter: MeterSettings) -> list[str]:
    return [id_ for id_ in (IMPORT, EXPORT) if id_ in meter.intervals_us]


def _counted(house: House, counter: str, rows: Sequence[EnergyRow], currency: str | None) -> str:
    language = house.wording.language
    mine = [row for row in rows if row.measurand == counter]
    energy = sum(row.energy for row in mine) if mine else None
    text = f"{say('import' if counter == IMPORT else 'export', language)} "
    text += bold(amount(energy, measurands()[counter], language))
    costs = [row.cost for row in mine if row.cost is not None]
    if currency is not None and costs:
        text += _money(house, counter, sum(costs), currency)
    return text


def _money(house: House, counter: str, cost: float, currency: str) -> str:
    language = house.wording.language
    if counter == IMPORT:
        return escaped(f" ({number(cost, 2, language)} {currency})")
    # What is exported for nothing needs no words.
    return escaped(f" ({say('earned', language, money=f'{number(-cost, 2, language)} {currency}')})") if cost else ""


def _buttons(house: House, wish: Wish) -> tuple[Button, ...]:
    language = house.wording.language
    keys = [meter_key(wish.meter.name)] if wish.meter else []
    found = [Button(say("refresh", language), " ".join(["/energy", *keys]))]
    meters = [wish.meter] if wish.meter else house.meters
    counter = next((id_ for meter in meters for id_ in _counters(meter)), None)
    if counter is not None:
        found.append(Button(say("week_chart", language), " ".join(["/chart", counter, "7d", *keys])))
    found.append(Button(say("values", language), " ".join(["/now", *keys])))
    return tuple(found)
