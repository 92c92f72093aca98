"""Waiting for something to become true, with a limit and with a word on what went wrong."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class StoryError(Exception):
    """The story did not go as it must; the message says what went wrong."""


def wait_for(
    what: str, look: Callable[[], T | None], limit_s: float, watch: Callable[[], None], every_s: float = 0.4
) -> T:
    """The first answer of `look` that is something. `watch` is called each round and raises when all is in vain.

    Raises: StoryError after `limit_s`.
    """
    deadline = time.monotonic() + limit_s
    while True:
        watch()
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise StoryError(f"{what} did not come within {limit_s:.0f} s")
        time.sleep(every_s)
