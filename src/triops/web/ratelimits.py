"""What a key has left of its limits, in the headers that OpenAI's clients read; Anthropic's have their own."""

from functools import lru_cache
from typing import Final

from triops.lenses.llmops.gateway.limits import Left, Room

Headers = list[tuple[str, str]]
_REQUESTS: Final = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
_TOKENS: Final = ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens")


def headers_of(left: Left) -> Headers:
    headers = [] if left.requests is None else _of(_REQUESTS, left.requests)
    return headers if left.tokens is None else headers + _of(_TOKENS, left.tokens)


def _of(names: tuple[str, str, str], room: Room) -> Headers:
    limit, left, tenths = room
    return [(names[0], str(limit)), (names[1], str(left)), (names[2], _duration(tenths))]


@lru_cache(maxsize=1024)  # all that a minute has
def _duration(tenths: int) -> str:
    """As OpenAI writes it: `0s`, `400ms`, `59.5s`, `1m0.1s`."""
    if 0 < tenths < 10:
        return f"{tenths}00ms"
    minutes, tenths = divmod(tenths, 600)
    seconds = f"{tenths / 10:g}s"
    return f"{minutes}m{seconds}" if minutes else seconds
