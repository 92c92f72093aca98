"""What a request may carry, and how a value that does not fit is refused: in MLflow's words, which its clients read.

A request is JSON, or the query of a GET. As in protobuf's JSON, which the client sends, an integer may come as
a string and a field in camelCase, and unknown fields are ignored.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.datastructures import QueryParams

from triops.kernel.errors import Invalid

_HINT = " See the API docs for more information about request parameters."


class Misfit(Exception):
    """The value is not of the field's type."""


Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """`convert` gives the value as handlers use it, or raises Misfit. A missing field gives `default`."""

    convert: Convert
    required: bool = False
    default: Any = None
    repeated: bool = False
    check: Callable[[str, Any], None] | None = None  # of a converted value; raises Misfit, or Invalid in its own words


Fields = Mapping[str, Field]


def text(*, required: bool = False, default: str = "") -> Field:
    return Field(_text, required, default)


def integer(
    *, required: bool = False, default: int | None = None, check: Callable[[str, Any], None] | None = None
) -> Field:
    """64 bits, signed."""
    return Field(_integer, required, default, check=check)


def number(*, required: bool = False, default: float | None = None) -> Field:
    """A double; NaN and the infinities come as the strings "NaN", "Infinity", "-Infinity"."""
    return Field(_number, required, default)


def boolean(*, default: bool | None = None) -> Field:
    return Field(_boolean, False, default)


def texts(*, required: bool = False) -> Field:
    return Field(_list_of(_text), required, (), repeated=True)


def mapping() -> Field:
    """A JSON object whose keys are the caller's."""
    return Field(_mapping, False, None)


def anything(*, required: bool = False) -> Field:
    return Field(lambda value: value, required, None)


def message(fields: Fields, *, required: bool = False) -> Field:
    return Field(_message_of(fields), required, None)


def messages(fields: Fields, *, required: bool = False, check: Callable[[str, Any], None] | None = None) -> Field:
    """A list of objects."""
    return Field(_list_of(_message_of(fields)), required, (), repeated=True, check=check)


def enum(names: Mapping[str, int], *, required: bool = False, default: str | None = None) -> Field:
    """A protobuf enum: by name or by number; answers the name."""
    by_number = {number: name for name, number in names.items()}

    def convert(value: Any) -> str:
        if isinstance(value, str) and value in names:
            return value
        if isinstance(value, str):
            value = _integer(value)
        if isinstance(value, int) and not isinstance(value, bool) and value in by_number:
            return by_number[value]
        raise Misfit

    return Field(convert, required, default)


def parsed(body: bytes) -> dict[str, Any]:
    """A request's JSON; nothing is an empty request. Raises: Invalid."""
    if not body.strip():
        return {}
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        given = _lenient(body)
    if isinstance(given, str):  # old clients encode twice
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            given = None
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Invalid(f"Request body must be a JSON object. Got {type(given).__name__}.", field="body")
    return given


def _lenient(body: bytes) -> Any:
    """Python's JSON has the bare words NaN and Infinity, which some clients send; what is no JSON at all is empty, as
    MLflow takes it."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return None
    try:
        json.dumps(given, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        raise Invalid("text that is not valid Unicode", field="body", expected="no lone surrogates") from None
    return given


def of_query(query: QueryParams, fields: Fields) -> dict[str, Any]:
    """A GET's parameters, the repeated ones as lists. Raises: Invalid."""
    given: dict[str, Any] = {}
    for name, spec in fields.items():
        if name not in query:
            if name == "run_id" and "run_uuid" in query:  # what old clients call it
                given[name] = query["run_uuid"]
            continue
        if spec.repeated:
            given[name] = query.getlist(name)
            continue
        value = query[name]
        if spec.convert is _boolean:
            if value.lower() not in ("true", "false"):
                raise Invalid(f"Invalid boolean value: {value}, must be 'true' or 'false'.", field=name)
            given[name] = value.lower() == "true"
        else:
            given[name] = value
    return given


def decoded(given: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Every field of `fields`: as given and converted, or its default. Raises: Invalid, in MLflow's words."""
    result: dict[str, Any] = {}
    for name, spec in fields.items():
        value = given.get(name)
        if value is None:
            value = _by_other_name(given, name)
            if value is None:
                if spec.required:
                    raise missing(name)
                result[name] = spec.default
                continue
        if value == "" and spec.required:
            raise missing(name)
        try:
            converted = spec.convert(value)
            if spec.check is not None:
                spec.check(name, converted)
        except Misfit:
            raise misfit(name, value) from None  # as it came
        result[name] = converted
    return result


def missing(path: str) -> Invalid:
    return Invalid(f"Missing value for required parameter '{path}'.{_HINT}", field=path)


def misfit(path: str, value: Any) -> Invalid:
    """`value` is quoted, cut to a bound."""
    try:
        quoted = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    except RecursionError:
        quoted = "[...]"
    if len(quoted) > 500:
        quoted = quoted[:500] + "..."
    hint = f" Hint: Value was of type '{type(value).__name__}'."
    return Invalid(f"Invalid value {quoted} for parameter '{path}' supplied: {hint}{_HINT}", field=path)


def at_most(most: int) -> Callable[[str, Any], None]:
    """A check of integers."""

    def check(name: str, value: int) -> None:
        if value > most:
            raise Misfit

    return check


def _by_other_name(given: Mapping[str, Any], name: str) -> Any:
    if name == "run_id":
        return given.get("run_uuid", given.get("runId"))
    if "_" not in name:
        return None
    head, *rest = name.split("_")
    return given.get(head + "".join(word.capitalize() for word in rest))


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Misfit
    return value


def _integer(value: Any) -> int:
    if type(value) is int:
        number = value
    elif isinstance(value, bool):
        raise Misfit
    elif isinstance(value, str):
        try:
            number = int(value)
        except ValueError:
            raise Misfit from None
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    else:
        raise Misfit
    if not -(1 << 63) <= number < 1 << 63:
        raise Misfit
    return number


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    if isinstance(value, bool):
        raise Misfit
    if isinstance(value, int | str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            raise Misfit from None
    raise Misfit


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise Misfit
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Misfit
    return value


def _list_of(convert: Convert) -> Convert:
    def converted(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Misfit
        return [convert(one) for one in value]

    return converted


def _message_of(fields: Fields) -> Convert:
    def converted(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Misfit
        result = {}
        for name, spec in fields.items():
            one = value.get(name)
            if one is None and (one := _by_other_name(value, name)) is None:
                result[name] = spec.default
            else:
                result[name] = spec.convert(one)
        return result

    return converted


KEY_VALUE: Fields = {"key": text(), "value": text()}
