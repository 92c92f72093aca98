"""Members of a request's JSON, read with the checks that every endpoint for models needs.

Each raises Invalid that names the member (`path` is where the object itself is, "" for the body), what came and what
was expected; null counts as absent."""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.kernel.errors import Invalid

Tree = Mapping[str, Any]
_MOST = (1 << 63) - 1


def tree_of(body: bytes) -> dict[str, Any]:
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"not JSON: {error}", field="body") from None
    if not isinstance(tree, dict):
        raise Invalid("not an object", field="body", expected="a JSON object")
    return tree


def at(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def flag(tree: Tree, field: str, path: str = "") -> bool | None:
    value = tree.get(field)
    if value is None or value is True or value is False:
        return value
    raise Invalid("not true or false", field=at(path, field), got=value, expected="true or false")


def whole(tree: Tree, field: str, least: int, path: str = "", most: int = _MOST) -> int | None:
    value = tree.get(field)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= most:
        expected = f"a whole number from {least}" + (f" to {most}" if most < _MOST else "")
        raise Invalid("not a whole number in its range", field=at(path, field), got=value, expected=expected)
    return value


def number(tree: Tree, field: str, path: str = "") -> float | None:
    value = tree.get(field)
    if value is None:
        return None
    if type(value) is not int and type(value) is not float:
        raise Invalid("not a number", field=at(path, field), got=value, expected="a number")
    return value


def text(tree: Tree, field: str, path: str = "") -> str:
    """ "" where it is absent."""
    value = tree.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid("not a text", field=at(path, field), got=value, expected="a text")
    return value


def needed(tree: Tree, field: str, path: str = "") -> str:
    value = tree.get(field)
    if not isinstance(value, str):
        raise Invalid("not a text", field=at(path, field), got=value, expected="a text")
    return value


def texts(tree: Tree, field: str, path: str = "") -> tuple[str, ...]:
    """Of a list of texts, or of one text; () where it is absent."""
    value = tree.get(field)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    found = sequence(value, at(path, field))
    for index, item in enumerate(found):
        if not isinstance(item, str):
            raise Invalid("not a text", field=f"{at(path, field)}[{index}]", got=item, expected="a text")
    return tuple(found)


def mapping(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("not an object", field=path, got=value, expected="an object")
    return value


def sequence(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid("not a list", field=path, got=value, expected="a list")
    return value
