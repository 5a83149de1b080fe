"""Finds the models, measurands and time zones that a settings file names."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from smartmeter.measurands import Language, find_measurand, measurands
from smartmeter.models import Model, UnknownModelError
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.mistakes import Mistakes, Place
from smartmeter.settings.own_models import directories_beside, known_names, model_named
from smartmeter.settings.words import nearest, shown


def find_model(name: str, mistakes: Mistakes, place: Place) -> Model | None:
    """The model with this name, in any case; None if a mistake was noted.

    Those in a user's own file of the model are noted too.
    """
    directories = directories_beside(mistakes.file)
    try:
        return model_named(name, directories)
    except SettingsError as error:
        mistakes.add_elsewhere(error.mistakes)
    except UnknownModelError:
        if not mistakes.spoil(place):
            match = nearest(name, known_names(directories))
            meant = f"did you mean {match}?" if match else "`smartmeter models` lists them"
            mistakes.add(place, f"there is no meter model {shown(name)}; {meant}")
    return None


def find_measurand_id(name: str, model: Model | None, mistakes: Mistakes, place: Place) -> str | None:
    """The id of the measurand with this English or German name, in any case; None if a mistake was noted.

    With a model, also what the model does not measure is a mistake.
    """
    measurand = find_measurand(name)
    if measurand is None:
        mistakes.add(place, f"there is no measurand {shown(name)}; {_meant(name, model)}")
        return None
    if model is not None and measurand.id not in model.registers:
        mistakes.add(
            place,
            f"an {model.name} does not measure {shown(name)}; `smartmeter models {model.name}` lists what it measures",
        )
        return None
    return measurand.id


def _meant(name: str, model: Model | None) -> str:
    known = [measurands()[id_] for id_ in (model.registers if model else measurands())]
    match = nearest(name, [measurand.id for measurand in known] + [measurand.german for measurand in known])
    if match:
        return f"did you mean {match}?"
    return f"`smartmeter models{' ' + model.name if model else ''}` lists them"


def measurand_name(id_: str, language: Language) -> str:
    """The name under which a settings file in this language lists the measurand."""
    return id_ if language == "en" else measurands()[id_].german


def find_timezone(name: str, mistakes: Mistakes, place: Place) -> ZoneInfo | None:
    """The time zone with this IANA name; None if a mistake was noted."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: it is a directory of the database, such as "Europe".
        match = nearest(name, available_timezones())
        meant = f"did you mean {match}?" if match else 'they are named like "Europe/Berlin"'
        mistakes.add(place, f"there is no time zone {shown(name)}; {meant}")
        return None
