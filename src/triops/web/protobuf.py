"""Protocol buffers without generated code: message classes from field tables, and a scan of one level of a message.

Nested messages are declared as `bytes` here and parsed one at a time by who needs them. That keeps a parsed message as
small as its bytes (a 64 MB body of two-byte messages would otherwise become gigabytes of objects), lets one broken row
be refused while its neighbours are kept, and lets equal bytes be decoded once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError, Message

from triops.kernel.errors import Invalid

__all__ = ["DecodeError", "MessageClass", "field_bytes", "message_classes"]

MessageClass = Any  # a generated class: its fields are not known to a type checker

_TYPES = {
    "bytes": Field.TYPE_BYTES, "bool": Field.TYPE_BOOL, "double": Field.TYPE_DOUBLE, "fixed32": Field.TYPE_FIXED32,
    "fixed64": Field.TYPE_FIXED64, "sfixed64": Field.TYPE_SFIXED64, "int32": Field.TYPE_INT32,
    "int64": Field.TYPE_INT64, "sint32": Field.TYPE_SINT32, "uint32": Field.TYPE_UINT32, "uint64": Field.TYPE_UINT64,
}  # fmt: skip


def message_classes(package: str, tables: Mapping[str, Mapping[str, tuple[int, str]]]) -> dict[str, MessageClass]:
    """`{"Span": {"name": (5, "bytes"), "attributes": (9, "repeated bytes"), "as_int": (6, "sfixed64 in value")}}` as
    classes by message name. `in x` puts a field into the oneof `x`. Text is `bytes`: who reads it decides what becomes
    of what is not UTF-8."""
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto2")
    for name, fields in tables.items():
        message = file.message_type.add(name=name)
        oneofs: dict[str, int] = {}
        for field_name, (number, spec) in fields.items():
            type_, _, oneof = spec.removeprefix("repeated ").partition(" in ")
            label = Field.LABEL_REPEATED if spec.startswith("repeated ") else Field.LABEL_OPTIONAL
            field = message.field.add(name=field_name, number=number, type=_TYPES[type_], label=label)
            if oneof:
                if oneof not in oneofs:
                    oneofs[oneof] = len(message.oneof_decl)
                    message.oneof_decl.add(name=oneof)
                field.oneof_index = oneofs[oneof]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: _class(pool, f"{package}.{name}") for name in tables}


def _class(pool: descriptor_pool.DescriptorPool, name: str) -> type[Message]:
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def field_bytes(data: bytes, number: int, what: str) -> Iterator[bytes]:
    """The value of each occurrence of a length-delimited field (below 16) at the top level of `data`; others are
    skipped. Raises: Invalid naming `what` when the message is cut short or not a message."""
    want = number << 3 | 2
    at, end = 0, len(data)
    try:
        while at < end:
            tag = data[at]
            at += 1
            if tag > 127:
                at, tag = _varint(data, at - 1)
            wire = tag & 7
            if wire == 2:
                length = data[at]
                at += 1
                if length > 127:
                    if data[at] < 128:  # what is below 16 kB, without a call
                        length = length & 127 | data[at] << 7
                        at += 1
                    else:
                        at, length = _varint(data, at - 1)
                if at + length > end:
                    raise IndexError
                if tag == want:
                    yield data[at : at + length]
                at += length
            elif wire == 0:
                at, _ = _varint(data, at)
            elif wire in (1, 5):
                at += 8 if wire == 1 else 4
            else:
                raise IndexError
            if tag >> 3 == 0:
                raise IndexError
        if at > end:
            raise IndexError
    except IndexError:
        raise Invalid(f"not a protobuf {what}", field=what, got=f"{end} bytes", expected=f"broken at {at}") from None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return at, value
        shift += 7
        if shift > 63:
            raise IndexError
