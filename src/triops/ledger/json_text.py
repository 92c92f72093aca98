"""JSON that the database reads and makes, in the words of SQLite and of PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class MemberOf(FunctionElement[str]):
    """Of a text that is a JSON object, and of a key: the text that is there, or NULL."""

    type = Text()
    inherit_cache = True


class ObjectOf(FunctionElement[str]):
    """Of names and values in turn: an object."""

    type = Text()
    inherit_cache = True


class ListOf(FunctionElement[str]):
    """Of a group: the array of the second argument's values, in the order of the first."""

    type = Text()
    inherit_cache = True


class MapOf(FunctionElement[str]):
    """Of a group: the object of the second argument's values by the first, in its order."""

    type = Text()
    inherit_cache = True


def object_of(**members: ColumnElement[Any]) -> ObjectOf:
    return ObjectOf(*(part for name, value in members.items() for part in (literal(name), value)))


def one_list(parts: Sequence[bytes]) -> bytes:
    """The items of JSON lists as one list, with few copies of what is large."""
    if len(parts) == 1:
        return parts[0]
    items = [part[1:-1] for part in parts if len(part) > 2]
    return b"".join((b"[", b",".join(items), b"]"))


def last_member(dialect: Dialect, name: str, value: str) -> str:
    """How an object ends whose last member is this. Nothing in a string looks so, since its quotes are escaped."""
    colon = " : " if dialect.name == "postgresql" else ":"
    return f'"{name}"{colon}{value}}}'


def _parts(element: FunctionElement[str], compiler: SQLCompiler, options: dict[str, Any]) -> list[str]:
    return [compiler.process(part, **options) for part in element.clauses]


@compiles(MemberOf)
def _member(element: MemberOf, compiler: SQLCompiler, **options: Any) -> str:
    text, key = _parts(element, compiler, options)
    return f"(({text})::json ->> {key})"


@compiles(MemberOf, "sqlite")
def _member_sqlite(element: MemberOf, compiler: SQLCompiler, **options: Any) -> str:
    text, key = _parts(element, compiler, options)
    return f"json_extract({text}, '$.' || json_quote({key}))"


@compiles(ObjectOf)
def _object(element: ObjectOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_build_object({', '.join(_parts(element, compiler, options))})"


@compiles(ObjectOf, "sqlite")
def _object_sqlite(element: ObjectOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_object({', '.join(_parts(element, compiler, options))})"


@compiles(ListOf)
def _list(element: ListOf, compiler: SQLCompiler, **options: Any) -> str:
    key, value = _parts(element, compiler, options)
    return f"json_agg({value} ORDER BY {key})::text"


@compiles(ListOf, "sqlite")
def _list_sqlite(element: ListOf, compiler: SQLCompiler, **options: Any) -> str:
    _, value = _parts(element, compiler, options)
    return f"json_group_array({value})"


@compiles(MapOf)
def _map(element: MapOf, compiler: SQLCompiler, **options: Any) -> str:
    key, value = _parts(element, compiler, options)
    return f"json_object_agg({key}, {value} ORDER BY {key})::text"


@compiles(MapOf, "sqlite")
def _map_sqlite(element: MapOf, compiler: SQLCompiler, **options: Any) -> str:
    key, value = _parts(element, compiler, options)
    return f"json_group_object({key}, {value})"
