"""What a key has left of its limits, in the headers that Anthropic's clients read."""

import math
import time
from functools import lru_cache
from typing import Final

from triops.lenses.llmops.gateway.limits import Left, Room

Headers = list[tuple[str, str]]
_REQUESTS: Final = (
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
)
_TOKENS: Final = (
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
)


def headers_of(left: Left) -> Headers:
    headers = [] if left.requests is None else _of(_REQUESTS, left.requests, left.at)
    return headers if left.tokens is None else headers + _of(_TOKENS, left.tokens, left.at)


def _of(names: tuple[str, str, str], room: Room, at: float) -> Headers:
    limit, left, tenths = room
    return [(names[0], str(limit)), (names[1], str(left)), (names[2], _stamp(math.ceil(at + tenths / 10)))]


@lru_cache(maxsize=8)  # many calls come within a second
def _stamp(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
