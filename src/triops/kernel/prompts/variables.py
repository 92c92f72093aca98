"""A prompt's variables: declared types, and whether what was given fits them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from triops.kernel.errors import Invalid

TYPES: Final = ("string", "number", "boolean", "array", "object")
MOST: Final = 100  # variables of one prompt
SIZE: Final = 1_000_000  # characters that the values of one rendering have together
DEPTH: Final = 24


@dataclass(frozen=True, slots=True)
class Variable:
    """`type` "" takes any of them. A variable with a `default` (which may be null) need not be given."""

    type: str = ""
    required: bool = True
    default: Any = None
    has_default: bool = False


def variable_of(raw: Any, field: str) -> Variable:
    """`{"type", "required", "default"}`, all optional; a bare text is the type. Raises: Invalid."""
    if isinstance(raw, str):
        raw = {"type": raw}
    if not isinstance(raw, Mapping):
        raise Invalid("not a variable", field=field, got=raw, expected="an object with type, required, default")
    for key in raw:
        if key not in ("type", "required", "default", "description"):
            raise Invalid("unknown field of a variable", field=f"{field}.{key}", expected="type, required, default")
    type_ = raw.get("type", "string")
    if type_ not in TYPES:
        raise Invalid("not a type of variables", field=f"{field}.type", got=type_, expected=", ".join(TYPES))
    required = raw.get("required", "default" not in raw)
    if not isinstance(required, bool):
        raise Invalid("not a boolean", field=f"{field}.required", got=required, expected="true or false")
    has_default = "default" in raw
    if has_default and raw["default"] is not None and not fits(raw["default"], type_):
        raise Invalid(f"the default is no {type_}", field=f"{field}.default", got=raw["default"], expected=type_)
    return Variable(type_, required and not has_default, raw.get("default"), has_default)


def fits(value: Any, type_: str) -> bool:
    if type_ == "string":
        return isinstance(value, str)
    if type_ == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if type_ == "boolean":
        return isinstance(value, bool)
    if type_ == "array":
        return isinstance(value, list | tuple)
    return isinstance(value, Mapping) if type_ == "object" else True


def values_of(
    given: Mapping[str, Any], declared: Mapping[str, Variable], used: Collection[str], *, lenient: bool = False
) -> dict[str, Any]:
    """What a rendering reads: the values given, and defaults. `used`: names that the templates have; one that is not
    declared must be given too, unless `lenient`. Raises: Invalid that names the variables missing, unknown, or of
    another type."""
    roots = {name.partition(".")[0] for name in used}
    unknown = [name for name in given if name not in declared and name not in used and name not in roots]
    if unknown:
        known = ", ".join(sorted({*declared, *used})) or "none"
        raise Invalid(_named("the prompt has no variable", unknown), field=f"variables.{unknown[0]}", expected=known)
    values = dict(given)
    missing = []
    for name, variable in declared.items():
        if name not in values:
            if variable.has_default:
                values[name] = variable.default
            elif variable.required:
                missing.append(name)
        elif values[name] is None and not variable.required:
            continue
        elif not fits(values[name], variable.type):
            raise Invalid(
                f"the variable {name} is no {variable.type}",
                field=f"variables.{name}",
                got=values[name],
                expected=variable.type,
            )
    if not lenient:
        missing += [
            name
            for name in used
            if name not in values and name.partition(".")[0] not in values and name not in declared
        ]
    if missing:
        missing = sorted(set(missing))
        raise Invalid(_named("missing variable", missing), field=f"variables.{missing[0]}")
    room = SIZE
    for name, value in values.items():
        room = _fitted(value, room, DEPTH, f"variables.{name}")
    return values


def _fitted(value: Any, room: int, depth: int, field: str) -> int:
    """What is left of `room` once `value` is in it. Raises: Invalid for what is too large, too deep, or not JSON."""
    if isinstance(value, str):
        room -= len(value)
        _unicode(value, field)
    elif value is None or isinstance(value, bool | float):
        room -= 8
    elif isinstance(value, int):
        if value.bit_length() > 1024:
            raise Invalid("a number out of range", field=field)
        room -= 8
    elif isinstance(value, Mapping | list | tuple):
        if depth == 0:
            raise Invalid("nested too deep", field=field, expected=f"at most {DEPTH} levels")
        room -= 8
        inner = value.values() if isinstance(value, Mapping) else value
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise Invalid("a key that is no text", field=field, got=key)
                room -= len(key)
                _unicode(key, field)
        for item in inner:
            if room < 0:
                break
            room = _fitted(item, room, depth - 1, field)
    else:
        raise Invalid("not a JSON value", field=field, got=type(value).__name__)
    if room < 0:
        raise Invalid("the variables are too large", field=field, expected=f"at most {SIZE} characters together")
    return room


def _unicode(text: str, field: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Invalid("text that is not valid Unicode", field=field, expected="no lone surrogates") from None


def _named(said: str, names: Collection[str]) -> str:
    shown = ", ".join(name[:80] for name in list(names)[:10])
    return f"{said}{'s' if len(names) > 1 else ''}: {shown}"
