"""The settings of somebody who has none yet."""

import locale
from collections.abc import Sequence
from pathlib import Path

from smartmeter.measurands import Language
from smartmeter.periods import system_zone
from smartmeter.settings import defaults
from smartmeter.settings.model import BusSettings, FastSettings, JournalSettings, Settings
from smartmeter.settings.places import default_journal


def first_settings(source: Path, language: Language, buses: Sequence[BusSettings]) -> Settings:
    """These buses, and all else as it is when nothing is said; `source` is the file that they are written to."""
    return Settings(
        source=source.absolute(),
        language=language,
        buses=tuple(buses),
        journal=JournalSettings(default_journal(source), defaults.COMMIT_INTERVAL_US / 1e6),
        postgresql=None,
        fast=FastSettings(defaults.FAST_INTERVAL_US, defaults.FAST_DURATION_US / 1e6),
        timezone=system_zone(),
    )


def system_language() -> Language:
    """The language of the system, if it is one of ours."""
    return "de" if (locale.getlocale()[0] or "").startswith(("de", "German")) else "en"
