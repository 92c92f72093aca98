"""Examples as clients send them: read, hashed by their inputs, and their fields told by type."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from triops.kernel.errors import Invalid
from triops.ledger.evaluations.examples import Example

USER = "mlflow.user"
_PARTS = ("inputs", "outputs", "expectations")
_NAMES = {bool: "boolean", int: "integer", float: "float", str: "string", list: "array", dict: "object"}
_TYPES = ("UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE")


def parsed(text: str, what: str) -> Any:
    """JSON, with Python's NaN and infinities. Raises: Invalid."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid(f"'{what}' is not valid JSON.", field=what) from None


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples of one request, and the types of their fields by part: a mapping, or one type of plain outputs."""

    examples: Sequence[Example]
    types: Mapping[str, dict[str, str] | str]


def batch_of(text: str) -> Batch:
    """Raises: Invalid."""
    given = parsed(text, "records")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Invalid("'records' must be a JSON list of objects.", field="records")
    return Batch([_example(one, number) for number, one in enumerate(given)], _types(given))


def _example(given: Mapping[str, Any], number: int) -> Example:
    inputs = given.get("inputs", {})
    expectations, tags = given.get("expectations") or {}, given.get("tags") or {}
    for name, value in (("inputs", inputs), ("expectations", expectations), ("tags", tags)):
        if not isinstance(value, dict):
            raise Invalid(f"'{name}' of record {number} must be an object.", field=f"records[{number}].{name}")
    told = json.dumps(inputs, sort_keys=True)
    user = tags.get(USER)
    return Example(
        hash=hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest(),
        id=f"dr-{uuid4().hex}",
        inputs=json.dumps(inputs),
        outputs=json.dumps(given["outputs"]) if given.get("outputs") is not None else None,
        outputs_given="outputs" in given,
        expectations=expectations,
        tags=tags,
        source=_source(given.get("source"), number),
        user=user if isinstance(user, str) else None,
    )


def _source(given: Any, number: int) -> str | None:
    if not given:
        return None
    kind = given.get("source_type") if isinstance(given, dict) else None
    data = given.get("source_data") or {} if isinstance(given, dict) else None
    if not isinstance(kind, str) or not isinstance(data, dict):
        raise Invalid(f"'source' of record {number} is not a source.", field=f"records[{number}].source")
    if kind.upper() not in _TYPES:
        raise Invalid(
            f"Invalid dataset record source type: {kind.upper()[:100]}. Valid source types: {list(_TYPES)}",
            field=f"records[{number}].source",
        )
    return json.dumps({"source_type": kind.upper(), "source_data": data})


def schema_of(known: str | None, batch: Batch) -> str | None:
    """The schema with the fields of new examples added; a field keeps the type that it first had."""
    if not batch.examples and not known:
        return None
    schema: dict[str, Any] = json.loads(known) if known else {**{part: {} for part in _PARTS}, "version": "1.0"}
    for part, types in batch.types.items():
        if isinstance(types, dict) and isinstance(schema[part], dict):
            schema[part] = {**types, **schema[part]}
        elif not schema[part]:
            schema[part] = types
    return json.dumps(schema)


def _types(given: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str] | str]:
    types: dict[str, dict[str, str] | str] = {}
    for record in given:
        for part in _PARTS:
            value = record.get(part)
            if isinstance(value, dict):
                fields = types.setdefault(part, {})
                if isinstance(fields, dict):
                    for key, one in value.items():
                        fields.setdefault(key, _type_of(one))
            elif value is not None and not types.get(part):
                types[part] = _type_of(value)
    return types


def _type_of(value: Any) -> str:
    return "null" if value is None else _NAMES[type(value)]
