"""Words that several dashboards share."""

from smartmeter.grafana.facts import Facts

# Those for which Grafana has a unit of its own (its list of currencies); others get their code in front.
_CURRENCIES = frozenset({"EUR", "CHF", "GBP", "DKK", "SEK", "NOK", "ISK", "PLN", "CZK", "HUF", "USD", "CAD"})


def no_data(facts: Facts) -> str:
    """What stands where nothing was read."""
    return facts.text("no readings", "keine Messwerte")


def currency_unit(facts: Facts) -> str:
    """Grafana's name of the site's currency."""
    return f"currency{facts.currency}" if facts.currency in _CURRENCIES else f"currency:{facts.currency} "


def no_price(facts: Facts) -> str:
    """What stands where there is no cost."""
    return facts.text("no tariff", "kein Tarif")
