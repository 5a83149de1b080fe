"""Reads the original Smartmeter's settings, `smartmeter_cfg.toml`, in its first and its later (2021) format."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smartmeter.settings.file import SettingsFile
from smartmeter.settings.model import Settings
from smartmeter.settings.shape import keys_of

_FIRST_TABLES = {"modbus", "pg", "messintervall", "telegram_bot"}
_LATER_TABLES = {"mess_cfg", "db", "durchlaufintervall"}


def is_legacy(document: Mapping[str, Any]) -> bool:
    """Whether the document is the original's: it has a table of its own, and none of ours."""
    keys = document.keys()
    return bool(keys & (_FIRST_TABLES | _LATER_TABLES)) and not keys & keys_of(SettingsFile).keys()


def resolve_legacy(source: Path, document: Mapping[str, Any]) -> Settings:
    """The settings that mean to us what the document meant to the original.

    Raises SettingsError with every mistake in it.
    """
    # Their shapes cost time and memory, which whoever has a file of ours need not pay.
    if document.keys() & _LATER_TABLES:
        from smartmeter.settings.legacy_2021 import resolve_2021  # noqa: PLC0415

        return resolve_2021(source, document)
    from smartmeter.settings.legacy_first import resolve_first  # noqa: PLC0415

    return resolve_first(source, document)
