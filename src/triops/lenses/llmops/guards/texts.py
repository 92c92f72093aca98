"""One text judged whole, in turns: others run every 2 kB."""

import asyncio
from collections.abc import Generator
from typing import Any, TypeVar

from triops.lenses.llmops.guards.model import Finding
from triops.lenses.llmops.guards.passage import Passage
from triops.lenses.llmops.guards.screen import Screen

_PIECE = 2048  # characters that are judged without a pause
_EACH = 200  # characters that could be judged in the time that it takes to look at a text at all
T = TypeVar("T")
StepsTo = Generator[int, None, T]  # how many characters were judged since the step before, and what came of it
Steps = StepsTo[Any]


def drained(steps: StepsTo[T]) -> T:
    """At once."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            value: T = stop.value
            return value


async def in_turns(steps: StepsTo[T]) -> T:
    """Lets others run every 2 kB."""
    judged = 0
    while True:
        try:
            judged += next(steps)
        except StopIteration as stop:
            value: T = stop.value
            return value
        if judged >= _PIECE:
            judged = 0
            await asyncio.sleep(0)


def judged_text(screen: Screen, text: str, json: bool, findings: list[Finding]) -> Steps:
    """The text as it may go on, and its way, which says whether and where it changed. `json`: it is JSON, and stays
    so. Raises: GuardBlocked."""
    passage = Passage(screen, look_ahead=_PIECE, batch=1, json=json)
    if len(text) <= _PIECE:
        out, found = passage.whole(text)
        findings += found
        yield len(text) + _EACH
        return out, passage
    pieces: list[str] = []
    for at in range(0, len(text), _PIECE):
        piece, found = passage.feed(text[at : at + _PIECE])
        pieces.append(piece)
        findings += found
        yield _PIECE
    piece, found = passage.end()
    findings += found
    return "".join([*pieces, piece]), passage
