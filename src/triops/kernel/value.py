"""Values that are made on every call: immutable to the type checker, plain objects with slots when they run, because a
frozen dataclass takes six times as long to make."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(made: type[T]) -> type[T]:
    """A dataclass with slots that compares and hashes by its fields. Nobody may change one."""
    return dataclass(slots=True, unsafe_hash=True)(made)
