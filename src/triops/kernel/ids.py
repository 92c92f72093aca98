"""Typed identifiers. An id is a string on the wire and a distinct type in the code."""

import secrets
from typing import NewType

ProjectId = NewType("ProjectId", str)
EntityId = NewType("EntityId", str)  # "<type>:<name>", for example "service:pricing"
ChangeId = NewType("ChangeId", str)
AnomalyId = NewType("AnomalyId", str)
IncidentId = NewType("IncidentId", str)
ActionId = NewType("ActionId", str)
KeyId = NewType("KeyId", str)
ExperimentId = NewType("ExperimentId", str)  # decimal digits, as MLflow's clients expect
RunId = NewType("RunId", str)  # 32 hexadecimal digits

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def sortable_id(prefix: str, at_s: float) -> str:
    """`prefix_` and 16 characters that sort by time: 45 bits of milliseconds, then 35 random bits."""
    number = (int(at_s * 1000) & ((1 << 45) - 1)) << 35 | secrets.randbits(35)
    return f"{prefix}_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(75, -1, -5))


def entity_id(type_: str, name: str) -> EntityId:
    """The id of an entity is its type and name, so that every sender arrives at the same one."""
    return EntityId(f"{type_}:{name}")
