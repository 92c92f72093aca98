"""E-mail addresses, domains and URLs, network addresses."""

import re

from triops.lenses.llmops.guards.patterns import Pattern, near
from triops.lenses.llmops.guards.pii.checksums import address

# domains written without a scheme: those that are commonly written so, and are not names of files
_TOP = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|cloud|online|site|shop|store|tech|blog|me|tv|co|eu|us|uk|ca|au|nz|"
    "de|at|ch|fr|be|nl|lu|it|es|pt|se|no|dk|fi|pl|cz|sk|hu|ro|bg|gr|ie|tr|ru|ua|in|cn|jp|kr|tw|hk|sg|br|mx|ar|cl|za|il"
)
_TOP_GATE = re.compile(rf"\.(?:{_TOP}|{_TOP.upper()})(?![\w@-])")
_EMAIL = re.compile(
    r"(?<![\w.+%'-])[\w.+%'-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![\w@])"
)
_URL = re.compile(r"\b(?:https?|ftp)://[^\s<>\"'`\\]{3,2000}|(?<![\w.@/-])www\.[^\s<>\"'`\\]{3,2000}", re.I)
_DOMAIN = re.compile(
    rf"(?<![\w.@/:-])(?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?\.){{1,6}}(?:{_TOP})(?![\w@-]|\.\w)(?:/[^\s<>\"'`\\]{{0,2000}})?",
    re.I,
)
_V4 = re.compile(r"\d(?<![\w.-].)\d{0,2}\.(?:\d{1,3}\.){2}\d{1,3}(?![\w-]|\.\d)")
_V6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])")
_V6_GATE = re.compile(r"[0-9A-Fa-f]{0,4}::?[0-9A-Fa-f]{1,4}")


def _ended(text: str, start: int, end: int) -> int:
    """Without the punctuation of the sentence around it."""
    while end > start and text[end - 1] in ".,;:!?)]}*_":
        if text[end - 1] == ")" and "(" in text[start:end]:
            break
        end -= 1
    return end


def _v4(text: str, start: int, end: int) -> int:
    if near(text, start, ("version", "release")):
        return 0
    return end if address(text[start:end]) else 0


def _v6(text: str, start: int, end: int) -> int:
    found = text[start:end]
    return end if sum(map(str.isalnum, found)) >= 3 and address(found) else 0


INTERNET = (
    Pattern("EMAIL_ADDRESS", _EMAIL, needs=("@",)),
    Pattern("DOMAIN_NAME", _URL, _ended, needs=("://", "ww.", "WW.")),
    Pattern("DOMAIN_NAME", _DOMAIN, _ended, gate=_TOP_GATE),
    Pattern("IP_ADDRESS", _V4, _v4, needs=(".",)),
    Pattern("IP_ADDRESS", _V6, _v6, needs=(":",), gate=_V6_GATE),
)
