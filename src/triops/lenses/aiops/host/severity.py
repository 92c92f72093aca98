"""How bad a line of text says it is, guessed from the words that loggers write. 0 when it does not say."""

import re

_NUMBERS = {
    "trace": 1, "debug": 5, "info": 9, "information": 9, "notice": 10, "warn": 13, "warning": 13, "err": 17,
    "error": 17, "severe": 17, "crit": 18, "critical": 18, "alert": 19, "emerg": 21, "emergency": 21, "fatal": 21,
    "panic": 21,
}  # fmt: skip
_WORDS = "|".join(sorted(_NUMBERS, key=len, reverse=True))
# A level is written in capitals, or marked as one: level=error, "severity": "error", [error], <error>, error:
_CAPITALS = re.compile(rf"\b(?:{_WORDS.upper()})\b")
_MARKED = re.compile(
    rf"""(?:\b(?:level|lvl|severity)["']?\s*[=:]\s*["']?|[\[<(])({_WORDS})\b|^(?:\S+\s+){{0,5}}({_WORDS}):""",
    re.IGNORECASE,
)
_LOOKED_AT = 256  # characters; levels stand at the beginning


def guess_severity(line: str) -> int:
    """OpenTelemetry's severity number: of a mark (`level=warn`, `[warn]`) if there is one, else of capitals."""
    head = line[:_LOOKED_AT]
    if marked := _MARKED.search(head):
        return _NUMBERS[(marked[1] or marked[2]).lower()]
    if capitals := _CAPITALS.search(head):
        return _NUMBERS[capitals[0].lower()]
    return 0
