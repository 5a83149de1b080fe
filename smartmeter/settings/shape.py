"""Holds a TOML document against a shape: which keys there are and what may stand at each.

A shape is a pydantic model whose fields say in their description what should stand there, so that every mistake reads
"must be … , not …" in our words. What is wrong is taken out and the rest is looked at again: one mistake never hides
another.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar, cast, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from smartmeter.settings.durations import parse_duration
from smartmeter.settings.mistakes import Mistakes, Place
from smartmeter.settings.words import shown, suggestion

_NAME_CHARACTERS = 100


class Shape(BaseModel):
    """A table; a key that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


S = TypeVar("S", bound=Shape)


def required(description: str, stand_in: object, *, item: str | None = None) -> Any:  # noqa: ANN401  # as Field
    """A key that must be there. `stand_in` holds its place when it is not, or is wrong: a mistake was noted then."""
    return Field(default=stand_in, description=description, json_schema_extra={"required": True, "item": item})


def optional(description: str, default: object = None, *, item: str | None = None, key: str | None = None) -> Any:  # noqa: ANN401  # as Field
    """A key that may be left out.

    `item` says what each element of a list or table must be, `key` what the key is called if not like the field.
    """
    return Field(default=default, description=description, json_schema_extra={"item": item}, alias=key)


def secret(description: str, *, item: str | None = None) -> Any:  # noqa: ANN401  # as Field
    """An optional key whose value no message may show; `item` says what each element of a list must be."""
    return Field(default=None, description=description, json_schema_extra={"secret": True, "item": item}, repr=False)


def _printable(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError
    return text


def _name(text: str) -> str:
    if text != text.strip() or len(text) > _NAME_CHARACTERS:
        raise ValueError
    return _printable(text)


def _not_empty(text: str) -> str:
    if not text or "\0" in text:
        raise ValueError
    return text


Text = Annotated[str, AfterValidator(_printable)]
Name = Annotated[str, AfterValidator(_name)]
Secret = Annotated[str, AfterValidator(_not_empty)]
TcpPort = Annotated[int, Field(ge=1, le=65535)]
Duration = Annotated[int, BeforeValidator(parse_duration)]


def validated(shape: type[S], document: Mapping[str, Any], mistakes: Mistakes, at: Place = ()) -> S:
    """The document as the shape; what is missing or wrong is noted at its place below `at` and has its default."""
    rest: object = document
    while True:
        try:
            result = shape.model_validate(rest)
        except ValidationError as error:
            problems = {
                problem["loc"]: problem["type"]
                for problem in error.errors(include_url=False, include_context=False, include_input=False)
            }
            for place, kind in problems.items():
                mistakes.add((*at, *place), _problem_text(shape, place, kind, _value_at(rest, place)))
            # From the end, so that positions in a list stay right.
            for place in sorted(problems, key=_positions, reverse=True):
                rest = _without(rest, place, keep=_is_table_in_list(shape, place))
        else:
            _note_missing(result, mistakes, at)
            return result


def unknown_keys(table: Shape, document: Mapping[str, Any], at: Place = ()) -> Iterator[tuple[Place, str]]:
    """Where the document has keys that a shape without `extra="forbid"` passes over, and which one may be meant."""
    keys = keys_of(type(table))
    for key, value in document.items():
        if key not in keys:
            yield (*at, key), suggestion(key, keys)
        elif isinstance(inner := getattr(table, keys[key]), Shape) and isinstance(value, Mapping):
            yield from unknown_keys(inner, value, (*at, key))


def keys_of(shape: type[Shape]) -> dict[str, str]:
    """The names of its fields by the keys of its table."""
    return {field.alias or name: name for name, field in shape.model_fields.items()}


def _problem_text(shape: type[Shape], place: Place, kind: str, value: object) -> str:
    table, field, is_item = _look_up(shape, place)
    if kind == "extra_forbidden":
        return f"is no key of this table; {suggestion(str(place[-1]), keys_of(table))}"
    if field is None:
        raise LookupError(place)
    more = _more(field)
    description = more.get("item") if is_item else field.description
    return f"must be {description}" if more.get("secret") else f"must be {description}, not {shown(value)}"


def _more(field: FieldInfo) -> dict[str, Any]:
    return cast("dict[str, Any]", field.json_schema_extra or {})


def _look_up(shape: type[Shape], place: Place) -> tuple[type[Shape], FieldInfo | None, bool]:
    """The table around a place, its field there, and whether the place is an element of that field's list or table."""
    table, field, is_item = shape, None, False
    for step in place:
        inner = _inner_shape(field.annotation) if field else None
        if isinstance(step, int) or (field is not None and inner is None):
            is_item = True
            continue
        table, is_item = inner or table, False
        name = keys_of(table).get(step)
        field = table.model_fields[name] if name else None
    return table, field, is_item


def _is_table_in_list(shape: type[Shape], place: Place) -> bool:
    _, field, is_item = _look_up(shape, place)
    return is_item and field is not None and _inner_shape(field.annotation) is not None


def _inner_shape(annotation: object) -> type[Shape] | None:
    """The shape in `S`, `S | None` or `list[S]`."""
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return annotation
    return next((inner for part in get_args(annotation) if (inner := _inner_shape(part))), None)


def _positions(place: Place) -> list[tuple[int, str]]:
    """A sort key that does not mind keys and positions in one place."""
    return [(step, "") if isinstance(step, int) else (-1, step) for step in place]


def _value_at(document: object, place: Place) -> object:
    value: Any = document
    for step in place:
        value = value[step]
    return cast("object", value)


def _without(node: object, place: Place, *, keep: bool) -> object:
    """A copy of the document that lacks what stands at the place.

    `keep` leaves an empty table there, so that the positions of those behind it stay as they are.
    """
    step, rest = place[0], place[1:]
    if isinstance(node, Mapping) and isinstance(step, str):
        if rest:
            return {**node, step: _without(node[step], rest, keep=keep)}
        return {key: value for key, value in node.items() if key != step}
    if isinstance(node, list) and isinstance(step, int):
        replacement = [_without(node[step], rest, keep=keep)] if rest else [{}] if keep else []
        return [*node[:step], *replacement, *node[step + 1 :]]
    raise LookupError(place)


def _note_missing(table: Shape, mistakes: Mistakes, at: Place) -> None:
    for key, name in keys_of(type(table)).items():
        place = (*at, key)
        if name not in table.model_fields_set:
            field = type(table).model_fields[name]
            if _more(field).get("required") and not mistakes.spoil(place):
                mistakes.add(place, f"is missing; it must be {field.description}")
            continue
        value = getattr(table, name)
        if isinstance(value, Shape):
            _note_missing(value, mistakes, place)
        elif isinstance(value, list):
            for index, element in enumerate(value):
                if isinstance(element, Shape):
                    _note_missing(element, mistakes, (*place, index))
