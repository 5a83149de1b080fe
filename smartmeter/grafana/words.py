"""Words that several dashboards share."""

from smartmeter.grafana.site import Site

# Those for which Grafana has a unit of its own (its list of currencies); others get their code in front.
_CURRENCIES = frozenset({"EUR", "CHF", "GBP", "DKK", "SEK", "NOK", "ISK", "PLN", "CZK", "HUF", "USD", "CAD"})


def no_data(site: Site) -> str:
    """What stands where nothing was read."""
    return site.text("no readings", "keine Messwerte")


def currency_unit(site: Site) -> str:
    """Grafana's name of the site's currency."""
    return f"currency{site.currency}" if site.currency in _CURRENCIES else f"currency:{site.currency} "


def no_price(site: Site) -> str:
    """What stands where there is no cost."""
    return site.text("no tariff", "kein Tarif")
