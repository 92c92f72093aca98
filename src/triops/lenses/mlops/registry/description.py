"""What a model's files say of it: the `MLmodel` file that its client wrote beside them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import yaml

from triops.kernel.errors import TriopsError
from triops.kernel.ids import ProjectId

BYTES = 128 << 10
# Location, path → its bytes, at most `BYTES`. Raises: TriopsError when it is not there, too large, or not ours to read.
ReadFile = Callable[[ProjectId, str, str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Description:
    """`inputs` and `outputs`: name and type of each column, as the signature has them."""

    flavours: Sequence[str] = ()
    inputs: Sequence[tuple[str, str]] = ()
    outputs: Sequence[tuple[str, str]] = ()


async def described(read: ReadFile, project: ProjectId, location: str) -> Description:
    """Nothing where there is no such file, or it is not one."""
    try:
        raw = await read(project, location, "MLmodel")
    except TriopsError:
        return Description()
    return await asyncio.to_thread(description_of, raw)  # a parser in Python takes its time


def description_of(raw: bytes) -> Description:
    """Never raises: the file is a client's."""
    try:
        said = yaml.load(raw.decode(), _Plain)  # noqa: S506 — a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        return Description()
    if not isinstance(said, dict):
        return Description()
    flavours, signature = said.get("flavors"), said.get("signature")
    named = [str(name)[:100] for name in flavours][:50] if isinstance(flavours, dict) else []
    if not isinstance(signature, dict):
        return Description(named)
    return Description(named, _columns(signature.get("inputs")), _columns(signature.get("outputs")))


class _Plain(yaml.SafeLoader):
    """Without aliases, by which a few lines become billions."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def _columns(text: Any) -> list[tuple[str, str]]:
    if not isinstance(text, str):
        return []
    try:
        columns = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    found = []
    for column in columns if isinstance(columns, list) else ():
        if isinstance(column, dict):
            kind = column.get("type", "")
            if kind == "tensor" and isinstance(column.get("tensor-spec"), dict):
                spec = column["tensor-spec"]
                kind = f"{spec.get('dtype', '')}{spec.get('shape', '')}"
            found.append((str(column.get("name", ""))[:200], str(kind)[:100]))
    return found[:500]
