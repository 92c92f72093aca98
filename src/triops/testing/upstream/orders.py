"""How the loopback provider is told to behave: `name=value` pairs after a `!`, in the model's name
(`small-1!status=503,times=2`), in the request's user (`ann!cut_after=3`), or in the header `x-upstream` (there without
the `!`). Later ones win; names that are not listed mean nothing (and make the same orders others, for `times`).

| order | meaning |
|---|---|
| words=8 | how many words (each is one token and one event) the answer has |
| echo=1 | the answer is the last thing that the user said |
| calls=1 | how many tools are called at once, when tools were given and no result of one came last; 0: none |
| think=3 | so many words of reasoning first |
| refuse=1 | the model refuses |
| search=1 | it searched the web by its provider's own tool first, and its text cites what it found |
| images=2 | so many images beside the text |
| finish=content_filter | the reason given for the end |
| cached=5 | so many tokens of the input came from the provider's cache |
| usage=0, done=0 | the usage is not told; a stream has no [DONE] |
| status=503 | an error, and nothing billed; retry_after=2 sends that header |
| first_ms=500 | nothing is sent before; between_ms=50: a pause before each further event; flush=1: an event a write |
| stall_after=3 | after so many events nothing more comes (of a whole answer: after half) |
| cut_after=3 | after so many events the connection is closed (of a whole answer: after half) |
| error_after=3 | after so many events one that holds an error |
| garbage=json, sse, html, type, http | no JSON; no events; a page; a wrong type and nothing; no HTTP |
| big=50 | an answer of that many MB |
| crlf=1, comments=1 | lines end in CRLF; comments stand between events |
| times=2 | the orders hold for the first two requests that carry them, then the provider is well |
| every=10 | the orders hold for each tenth request that carries them |
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Orders:
    words: int = 8
    echo: int = 0
    calls: int = 1
    think: int = 0
    refuse: int = 0
    search: int = 0
    images: int = 0
    finish: str = ""
    cached: int = 0
    usage: int = 1
    done: int = 1
    status: int = 0
    retry_after: int = 0
    first_ms: int = 0
    between_ms: int = 0
    flush: int = 0
    stall_after: int = -1
    cut_after: int = -1
    error_after: int = -1
    garbage: str = ""
    big: int = 0
    crlf: int = 0
    comments: int = 0
    times: int = 0
    every: int = 0

    @property
    def at_once(self) -> bool:
        """All of it can be written in one go."""
        return not (self.first_ms or self.between_ms or self.flush) and self.stall_after < 0


USUAL = Orders()
_TEXTS = frozenset(field.name for field in fields(Orders) if isinstance(field.default, str))
_NAMES = frozenset(field.name for field in fields(Orders))


def text_of(model: str, user: str, header: str) -> str:
    """The orders of one request as they were given, "" for none."""
    if "!" not in model and "!" not in user:
        return header
    given = [model.partition("!")[2], user.partition("!")[2], header]
    return ",".join(text for text in given if text)


def read(text: str) -> Orders:
    """Unknown names are no orders; a value that is no number counts as 1."""
    return Orders(**dict(_pairs(text)))


def _pairs(text: str) -> Iterator[tuple[str, Any]]:
    for pair in text.split(","):
        name, _, value = pair.strip().partition("=")
        if name in _TEXTS:
            yield name, value
        elif name in _NAMES:
            yield name, int(value) if value.removeprefix("-").isdecimal() else 1
