"""Answers to equal calls, kept for a while: exact, by project and route, never across tenants."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply
from triops.lenses.llmops.gateway.specs import RouteSpec

_ALL_BYTES: Final = 1 << 30  # of all projects and routes together
_OVERHEAD: Final = 512  # of an entry beside its answer
# What does not change the answer; a whole answer and a stream hold the same.
_LEFT_OUT: Final = frozenset(
    {"user", "metadata", "safety_identifier", "prompt_cache_key", "stream", "stream_options", "service_tier", "store"}
)
_REMEMBERING: Final = ("previous_response_id", "conversation", "background", "container")


class Key(NamedTuple):
    """Names an entry; `max_bytes` of its route's shelf."""

    project: str
    route: str
    digest: bytes
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Entry:
    """`cost`: what the answer did cost, in pico-dollars, which a hit saves. `size`: bytes, about. `body`: the
    provider's own whole answer where the caller's dialect is its own (`dialect`), else b""."""

    answer: Reply | Embedded
    provider: str
    model: str
    cost: int
    size: int
    body: bytes = b""
    dialect: str = ""


@dataclass(slots=True)
class _Kept:
    entry: Entry
    until: float
    size: int


class _Shelf:
    __slots__ = ("bytes", "entries", "hits", "misses", "saved")

    def __init__(self) -> None:
        self.entries: OrderedDict[bytes, _Kept] = OrderedDict()
        self.bytes = self.hits = self.misses = self.saved = 0


class Cache:
    """Each route's shelf has a bound in bytes (`cache.max_mb`), all together 1 GB; the entry that was used longest ago
    goes first. An entry larger than a tenth of its shelf is not kept."""

    def __init__(self, max_bytes: int = _ALL_BYTES) -> None:
        self._max = max_bytes
        self._bytes = 0
        self._shelves: OrderedDict[tuple[str, str], _Shelf] = OrderedDict()

    def key(
        self, project: str, route: RouteSpec, ask: Ask, content: Chat | Embed | None = None, *, skip: bool = False
    ) -> Key | None:
        """None: not to be cached (the route has no cache; `skip`: the caller wants none; the call reads or leaves
        something at the provider; a provider's own tool would look again). `content`: what is said in the place of
        `ask.raw`, where a prompt was filled in or a guard changed it."""
        if route.cache is None or skip or ask.operation == "count":
            return None
        raw = ask.raw
        if any(raw.get(name) for name in _REMEMBERING) or _looks_again(raw):
            return None
        said: Any = {name: value for name, value in raw.items() if name not in _LEFT_OUT}
        parts = [ask.dialect, route.revision, route.variant, ask.headers.get("anthropic-beta", ""), said]
        if content is not None:
            parts.append(content)
        try:
            text = orjson.dumps(parts, option=orjson.OPT_SERIALIZE_NUMPY, default=str)
        except (TypeError, ValueError, RecursionError):
            return None
        digest = blake2b(text, digest_size=16, key=project.encode()[:64]).digest()
        return Key(project, route.name, digest, route.cache.max_bytes)

    def get(self, key: Key, now: float) -> Entry | None:
        shelf = self._shelf(key.project, key.route)
        kept = shelf.entries.get(key.digest)
        if kept is None or now >= kept.until:
            if kept is not None:
                self._drop(shelf, key.digest)
            shelf.misses += 1
            return None
        shelf.entries.move_to_end(key.digest)
        shelf.hits += 1
        shelf.saved += kept.entry.cost
        return kept.entry

    def put(self, key: Key, entry: Entry, ttl: float, now: float) -> None:
        size = entry.size + len(entry.body) + _OVERHEAD
        if size > key.max_bytes // 10 or size > self._max // 10:
            return
        shelf = self._shelf(key.project, key.route)
        if key.digest in shelf.entries:
            self._drop(shelf, key.digest)
        shelf.entries[key.digest] = _Kept(entry, now + ttl, size)
        shelf.bytes += size
        self._bytes += size
        while shelf.bytes > key.max_bytes:
            self._drop(shelf, next(iter(shelf.entries)))
        while self._bytes > self._max:
            self._drop_any()

    def purge(self, project: str) -> None:
        """Forgets a project's answers; its counts of hits stay."""
        for (owner, _), shelf in self._shelves.items():
            if owner == project:
                self._bytes -= shelf.bytes
                shelf.bytes = 0
                shelf.entries.clear()

    def state(self, project: str) -> dict[str, Mapping[str, int]]:
        """By route; `saved` in pico-dollars."""
        return {
            route: {
                "hits": shelf.hits,
                "misses": shelf.misses,
                "entries": len(shelf.entries),
                "bytes": shelf.bytes,
                "saved": shelf.saved,
            }
            for (owner, route), shelf in self._shelves.items()
            if owner == project
        }

    def _shelf(self, project: str, route: str) -> _Shelf:
        at = (project, route)
        shelf = self._shelves.get(at)
        if shelf is None:
            shelf = self._shelves[at] = _Shelf()
        return shelf

    def _drop(self, shelf: _Shelf, digest: bytes) -> None:
        size = shelf.entries.pop(digest).size
        shelf.bytes -= size
        self._bytes -= size

    def _drop_any(self) -> None:
        """The oldest of the fullest shelf."""
        shelf = max(self._shelves.values(), key=lambda one: one.bytes)
        self._drop(shelf, next(iter(shelf.entries)))


def _looks_again(raw: Mapping[str, Any]) -> bool:
    """Whether it names a tool that runs at the provider: search, code, files. Those of callers have a function."""
    tools = raw.get("tools")
    if raw.get("web_search_options"):
        return True
    return isinstance(tools, list) and not all(
        isinstance(tool, Mapping) and tool.get("type") in (None, "function", "custom") for tool in tools
    )
