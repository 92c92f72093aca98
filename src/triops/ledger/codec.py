"""Nouns ⇄ JSON, by their own fields: how the books store them and how APIs show them.

A frozen dataclass becomes an object with one member a field; enums their value, tuples arrays, mappings objects. What
JSON cannot hold is dealt with when writing: NaN and infinities become null (Invalid where a number is required), lone
surrogates become U+FFFD. Reading is strict: a missing, unknown or mistyped member is Invalid and named by its path.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, TypeVar

import orjson

from triops.kernel.errors import Invalid, TooLarge

N = TypeVar("N")
_DEPTH = 32
_BYTES = 4 << 20  # of one noun's text; over it: TooLarge
_Reader = Callable[[Any, str], Any]


def to_json(noun: Any) -> dict[str, Any]:
    """A dataclass as plain JSON values. Raises: Invalid with the path of what JSON cannot hold."""
    plain = _plain(noun, "", 0)
    if not isinstance(plain, dict):
        raise TypeError(f"{type(noun).__name__} is not a noun")
    return plain


def from_json(cls: type[N], data: Any, field: str = "") -> N:
    """The reverse. Raises: Invalid; `field` is the path at which `data` was found."""
    hint: Any = cls
    value: N = _reader(hint)(data, field)
    return value


def dumps(value: Any) -> str:
    """A noun, or a mapping of an open kind, as one line of JSON with sorted keys: equal values, equal text."""
    raw = orjson.dumps(_plain(value, "", 0), option=orjson.OPT_SORT_KEYS)
    if len(raw) > _BYTES:
        raise TooLarge(f"{type(value).__name__} takes {len(raw)} bytes as JSON; at most {_BYTES}")
    return raw.decode()


def loads(cls: type[N], text: str) -> N:
    return from_json(cls, orjson.loads(text))


def loads_mapping(text: str) -> dict[str, Any]:
    """What `dumps` wrote of a mapping."""
    value: dict[str, Any] = orjson.loads(text)
    return value


def _plain(value: Any, path: str, depth: int) -> Any:
    if depth > _DEPTH:
        raise Invalid("nested too deep", field=path, expected=f"at most {_DEPTH} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise Invalid("a number that does not fit 64 bits", field=path, got=value)
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_plain(str(k), path, depth): _plain(v, _join(path, k), depth + 1) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(v, f"{path}[{i}]", depth + 1) for i, v in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        out = {}
        for name, required in _fields(type(value)):
            item = getattr(value, name)
            if required and isinstance(item, float) and not math.isfinite(item):
                raise Invalid("not a finite number", field=_join(path, name), got=str(item))
            out[name] = _plain(item, _join(path, name), depth + 1)
        return out
    raise Invalid("not a JSON value", field=path, got=type(value).__name__)


@cache
def _fields(cls: type) -> tuple[tuple[str, bool], ...]:
    """Each field of a dataclass, and whether it is a number that must be there."""
    hints = typing.get_type_hints(cls)
    return tuple((f.name, hints[f.name] is float) for f in dataclasses.fields(cls))


@cache
def _reader(hint: Any) -> _Reader:
    """How to read a value of a field's type; made once a type."""
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return lambda value, path: value
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in arguments if a is not types.NoneType]
        if len(inner) != 1 or len(arguments) != 2:
            raise TypeError(f"a noun's field may be one type or None, not {hint}")
        read = _reader(inner[0])
        return lambda value, path: None if value is None else read(value, path)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _array(_reader(arguments[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _object(_reader(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint)
    if hint is float:
        return _number
    if hint in (str, int, bool):
        return _scalar(hint)
    raise TypeError(f"a noun's field of type {hint} has no JSON form")


def _dataclass(cls: type) -> _Reader:
    hints = typing.get_type_hints(cls)
    readers = {f.name: _reader(hints[f.name]) for f in dataclasses.fields(cls)}
    required = [
        f.name
        for f in dataclasses.fields(cls)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            raise Invalid("not an object", field=path, got=value, expected=cls.__name__)
        for name in required:
            if name not in value:
                raise Invalid("missing", field=_join(path, name), expected=f"{cls.__name__}.{name}")
        for name in value:
            if name not in readers:
                raise Invalid("unknown", field=_join(path, name), expected=", ".join(readers))
        return cls(**{name: readers[name](item, _join(path, name)) for name, item in value.items()})

    return read


def _array(read_item: _Reader) -> _Reader:
    def read(value: Any, path: str) -> Any:
        if not isinstance(value, list | tuple):
            raise Invalid("not an array", field=path, got=value)
        return tuple(read_item(item, f"{path}[{i}]") for i, item in enumerate(value))

    return read


def _object(read_item: _Reader) -> _Reader:
    def read(value: Any, path: str) -> Any:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise Invalid("not an object", field=path, got=value)
        return {key: read_item(item, _join(path, key)) for key, item in value.items()}

    return read


def _enum(cls: type[Enum]) -> _Reader:
    def read(value: Any, path: str) -> Any:
        try:
            return cls(value)
        except ValueError:
            expected = ", ".join(str(member.value) for member in cls)
            raise Invalid(f"not a {cls.__name__.lower()}", field=path, got=value, expected=expected) from None

    return read


def _scalar(cls: type) -> _Reader:
    def read(value: Any, path: str) -> Any:
        if not isinstance(value, cls) or (cls is int and isinstance(value, bool)):
            raise Invalid("of the wrong type", field=path, got=value, expected=cls.__name__)
        return value

    return read


def _number(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Invalid("not a finite number", field=path, got=value, expected="number")
    if float(value) != value:  # a whole number over 2**53 would become another
        raise Invalid("not a number that a float holds", field=path, got=value, expected="at most 2**53")
    return float(value)


def _join(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)
