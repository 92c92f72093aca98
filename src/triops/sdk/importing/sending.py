"""Parts of an import on their way: as many in a request as fit, and where one is refused, the others without it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from triops.sdk.client import ApiError
from triops.sdk.importing.receiver import refusal
from triops.sdk.importing.source import Problems

JSON = dict[str, Any]
N = TypeVar("N")
_BYTES = 3 << 20


def each(
    problems: Problems,
    send: Callable[[Sequence[JSON]], list[JSON]],
    items: Sequence[JSON],
    name: Callable[[JSON], str],
) -> list[tuple[JSON, JSON]]:
    """What was sent and its answer. What is refused by itself is told in `problems`."""
    try:
        return list(zip(items, send(items), strict=True))
    except ApiError as error:
        words = refusal(error)
        if not words:
            raise
        if len(items) == 1:
            problems.add(f"{name(items[0])} was refused: {words}")
            return []
    return [pair for item in items for pair in each(problems, send, [item], name)]


def some(items: Iterable[N], most: int) -> Iterator[list[N]]:
    """Lists of at most `most`."""
    following = iter(items)
    while batch := list(islice(following, most)):
        yield batch


def within(items: Iterable[Mapping[str, Any]], most: int = _BYTES) -> Iterator[list[Any]]:
    """Lists of items whose JSON together has at most about `most` bytes; at least one each."""
    batch: list[Any] = []
    size = 0
    for item in items:
        weight = len(json.dumps(item))
        if batch and size + weight > most:
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += weight
    if batch:
        yield batch
