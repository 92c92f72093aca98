"""OTLP/JSON → OTLP/protobuf, so that there is one decoder and both forms mean the same.

As the OTLP specification has it: trace and span ids are hex, other bytes base64, 64-bit integers texts or numbers,
enums numbers (names are taken too), names camelCase (snake_case is taken too), unknown fields are ignored.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from triops.kernel.errors import Invalid, TooLarge

_REQUESTS: Mapping[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
_HEX = {"trace_id", "span_id", "parent_span_id"}
_INTEGERS = {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT32,
             FieldDescriptor.CPPTYPE_UINT64}  # fmt: skip
_DOUBLES = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_DEPTH = 64  # messages within messages
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class JsonForm:
    """Remembers the fields of each message type by their two names."""

    def __init__(self, most_messages: int = 1_000_000) -> None:
        self._most = most_messages
        self._fields: dict[str, dict[str, FieldDescriptor]] = {}

    def encode(self, signal: str, body: bytes) -> bytes:
        """Raises: Invalid with the path of the first field that is not what it should be, TooLarge."""
        try:
            tree = orjson.loads(body)
        except orjson.JSONDecodeError:
            tree = _mended(body)
        message = _REQUESTS[signal]()
        self._fill(message, tree, signal, 0, [self._most])
        return message.SerializeToString()

    def _fill(self, message: Any, tree: Any, path: str, depth: int, room: list[int]) -> None:
        if not isinstance(tree, dict):
            raise Invalid("wrong type in OTLP/JSON", field=path, got=tree, expected="an object")
        if depth > _DEPTH:
            raise Invalid("nested too deep", field=path, expected=f"at most {_DEPTH} levels")
        room[0] -= 1
        if room[0] < 0:
            raise TooLarge(f"more than {self._most} objects in one request")
        fields = self._fields_of(message.DESCRIPTOR)
        for key, value in tree.items():
            field = fields.get(key)
            if field is None or value is None:
                continue
            name = field.name
            if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
                if not field.is_repeated:
                    child = getattr(message, name)
                    child.SetInParent()
                    self._fill(child, value, f"{path}.{key}", depth + 1, room)
                    continue
                children = getattr(message, name)
                for i, item in enumerate(_listed(value, path, key)):
                    self._fill(children.add(), item, f"{path}.{key}[{i}]", depth + 1, room)
                continue
            try:
                if field.is_repeated:
                    getattr(message, name).extend([_scalar(field, item) for item in _listed(value, path, key)])
                else:
                    setattr(message, name, _scalar(field, value))
            except (ValueError, TypeError, OverflowError, KeyError):
                raise Invalid(
                    "wrong type in OTLP/JSON", field=f"{path}.{key}", got=value, expected=_expected(field)
                ) from None

    def _fields_of(self, descriptor: Descriptor) -> dict[str, FieldDescriptor]:
        fields = self._fields.get(descriptor.full_name)
        if fields is None:
            fields = {name: field for field in descriptor.fields for name in (field.name, field.json_name)}
            self._fields[descriptor.full_name] = fields
        return fields


def _mended(body: bytes) -> Any:
    """Senders that cut texts at a length leave half of a character. Raises: Invalid."""
    try:
        return orjson.loads(_ESCAPE.sub(_whole, body.decode("utf-8", "replace")))
    except orjson.JSONDecodeError as error:
        raise Invalid(f"not JSON: {error}", field="body") from None


def _whole(escape: re.Match[str]) -> str:
    return "\\ufffd" if escape["half"] else escape[0]


def _listed(value: Any, path: str, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid("wrong type in OTLP/JSON", field=f"{path}.{key}", got=value, expected="an array")
    return value


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    kind = field.cpp_type
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes.fromhex(value) if field.name in _HEX else base64.b64decode(value)
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if not isinstance(value, str):
            raise TypeError
        return value
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            raise TypeError
        return value
    if isinstance(value, bool):
        raise TypeError
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        enum = field.enum_type
        return (
            enum.values_by_name[value].number if enum and isinstance(value, str) and value[:1].isalpha() else int(value)
        )
    if kind in _INTEGERS:
        if isinstance(value, float) and not value.is_integer():
            raise ValueError
        return int(value)
    return _DOUBLES[value] if value in _DOUBLES else float(value)


def _expected(field: FieldDescriptor) -> str:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "hex" if field.name in _HEX else "base64"
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return "a number or a name of the enum"
    return {
        FieldDescriptor.CPPTYPE_STRING: "a string",
        FieldDescriptor.CPPTYPE_BOOL: "true or false",
        FieldDescriptor.CPPTYPE_DOUBLE: "a number",
    }.get(field.cpp_type, "an integer in range, as a number or a string")
