"""Secrets in free text: keys by their makers' formats, and values that are assigned to a secret's name.

Keys whose format ends in a checksum of its own (GitHub, npm) are told by it; one whose sum is wrong must at least look
random, as does every key that is told by a prefix alone. Not found: passwords that are ordinary words.
"""

import base64
import binascii
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Collection

from triops.lenses.llmops.guards.model import Span
from triops.lenses.llmops.guards.patterns import LOOK_BEHIND, Pattern, matches

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NAMES = ("pass", "pwd", "secret", "token", "credential", "authorization", "key")
_NAMED = re.compile(
    r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?|authorization|(?:api|access|private|secret|account"
    r"|shared|signing|encryption)[-_ .]?key(?:[-_ ]?id)?)[\w-]{0,16}[\"']?\s{0,3}$",
    re.I,
)
_ASSIGNED = re.compile(r"(?:=>|:=|[=:]|\b(?:is|are|was))\s{0,3}([\"'`]?)(?P<value>[^\s\"'`,;<>(){}\[\]]{8,200})")
_EXPRESSION = re.compile(
    r"^(?:\$|%|\{|os\.|env\.|process\.|self\.|config|settings|https?:|/|\*{3}|x{4}|your|<|[\w.]+\.[a-z_]+$)", re.I
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----[\w+/=\s\\:,.-]{0,8000}?"
    r"(?:-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----|(?=[^\w+/=\s\\:,.-])|\Z)"
)


def entropy(text: str) -> float:
    """Bits a character, by its own frequencies."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values()) if text else 0.0


def _random(least: float, after: str = "") -> Callable[[str, int, int], int]:
    """That the part after the last `after` has digits, letters and this much entropy."""

    def check(text: str, start: int, end: int) -> int:
        body = text[start:end]
        body = body.rsplit(after, 1)[-1] if after else body
        mixed = any(map(str.isdigit, body)) and any(map(str.isalpha, body))
        return end if mixed and entropy(body) >= least else 0

    return check


def summed(token: str) -> bool:
    """Whether a token's last six characters are the CRC-32 of those between its prefix and them, in base 62."""
    body, tail = token.partition("_")[2][:-6], token[-6:]
    value = 0
    for char in tail:
        value = value * 62 + _BASE62.index(char)
    return zlib.crc32(body.encode()) == value


def _summed(text: str, start: int, end: int) -> int:
    return end if summed(text[start:end]) or _random(3.6, "_")(text, start, end) else 0


def _jwt(text: str, start: int, end: int) -> int:
    head = text[start:end].split(".", 1)[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return 0
    return end if isinstance(header, dict) and "alg" in header else 0


def _assigned(text: str, start: int, end: int) -> int:
    before = text[max(0, start - LOOK_BEHIND) : start].rstrip("\"'`")
    name = re.sub(r"(?:=>|:=|[=:]|\b(?:is|are|was))\s*$", "", before)
    if len(name) == len(before) or not _NAMED.search(name):
        return 0
    if text[end : end + 1] == "(":  # what a function answers
        return 0
    while end > start and text[end - 1] in ".!?:":
        end -= 1
    value = text[start:end]
    if len(value) < 8 or _EXPRESSION.search(value) or value.isalpha():
        return 0
    kinds = sum(any(map(kind, value)) for kind in (str.islower, str.isupper, str.isdigit, _special))
    return end if kinds >= 2 and entropy(value) >= 2.5 else 0


def _special(char: str) -> bool:
    return not char.isalnum() and char not in "_-."


def _key(name: str, regex: str, check: Callable[[str, int, int], int] | None = None, *needs: str) -> Pattern:
    return Pattern(name, re.compile(regex), check, needs)


SECRETS = (
    Pattern("PRIVATE_KEY", _PRIVATE_KEY, needs=("PRIVATE KEY",)),
    _key("AWS_ACCESS_KEY", r"(?<!\w)(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?!\w)", None, "AKIA", "ASIA", "ABIA", "ACCA"),
    _key("GITHUB_TOKEN", r"(?<!\w)gh[pousr]_[A-Za-z0-9]{36}(?!\w)", _summed, "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _key("GITHUB_TOKEN", r"(?<!\w)gh[sour]_[\w.-]{40,800}", _random(3.6, "_"), "gho_", "ghu_", "ghs_", "ghr_"),
    _key("GITHUB_TOKEN", r"(?<!\w)github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}(?!\w)", _random(3.6, "_"), "github_pat_"),
    _key("GITLAB_TOKEN", r"(?<!\w)gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat)-[\w-]{20,64}", _random(3.0, "-"), "gl"),
    _key("SLACK_TOKEN", r"(?<!\w)xox[abeoprs]-[A-Za-z0-9-]{10,250}", _random(2.5), "xox"),
    _key("SLACK_WEBHOOK", r"https://hooks\.slack\.com/(?:services|workflows)/[\w/]{20,120}", None, "hooks.slack.com"),
    _key("STRIPE_KEY", r"(?<!\w)[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}", _random(3.0, "_"), "k_live_", "k_test_"),
    _key("STRIPE_KEY", r"(?<!\w)whsec_[A-Za-z0-9+/]{24,64}=?", _random(3.0, "_"), "whsec_"),
    _key("ANTHROPIC_KEY", r"(?<!\w)sk-ant-[\w-]{20,200}", _random(3.0), "sk-ant-"),
    _key("OPENAI_KEY", r"(?<!\w)sk-(?:proj-|svcacct-|admin-|or-v1-)?[\w-]{20,250}", _random(3.5), "sk-"),
    _key("GOOGLE_KEY", r"(?<!\w)AIza[\w-]{35}(?![\w-])", _random(3.5), "AIza"),
    _key("GOOGLE_KEY", r"(?<!\w)(?:ya29\.[\w-]{20,400}|GOCSPX-[\w-]{28})(?![\w-])", _random(3.0), "ya29.", "GOCSPX-"),
    _key("NPM_TOKEN", r"(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)", _summed, "npm_"),
    _key("PYPI_TOKEN", r"(?<!\w)pypi-AgE[\w-]{50,400}", None, "pypi-AgE"),
    _key("HUGGINGFACE_TOKEN", r"(?<!\w)hf_[A-Za-z0-9]{30,60}(?!\w)", _random(3.5, "_"), "hf_"),
    _key("SENDGRID_KEY", r"(?<!\w)SG\.[\w-]{16,32}\.[\w-]{32,64}(?![\w-])", _random(3.5), "SG."),
    _key("TWILIO_KEY", r"(?<!\w)SK[0-9a-f]{32}(?!\w)", _random(3.0), "SK"),
    _key("DIGITALOCEAN_TOKEN", r"(?<!\w)do[opr]_v1_[0-9a-f]{64}(?!\w)", None, "_v1_"),
    _key("TELEGRAM_TOKEN", r"(?<!\w)\d{8,10}:AA[\w-]{33}(?![\w-])", _random(3.5, ":"), ":AA"),
    _key("AZURE_KEY", r"(?<=AccountKey=)[A-Za-z0-9+/]{86}==", None, "AccountKey="),
    _key("TRIOPS_KEY", r"(?<!\w)tr[ig]_[\w-]{43}(?![\w-])", _random(3.5, "_"), "tri_", "trg_"),
    _key("JWT", r"(?<![\w.-])eyJ[\w-]{8,2000}\.eyJ[\w-]{8,6000}\.[\w-]{8,1000}(?![\w-])", _jwt, "eyJ"),
    _key("BEARER_TOKEN", r"(?<=[Bb]earer )[\w.~+/-]{16,4000}=*", _random(3.0), "earer "),
    _key("URL_CREDENTIALS", r"(?<=://)[^\s/@:\"'<>]{1,64}:[^\s/@\"'<>${]{1,128}(?=@)", None, "://"),
    Pattern("ASSIGNED_SECRET", _ASSIGNED, _assigned, (":", "=", " is ", " was ", " are "), hints=_NAMES, group=2),
)


def secrets_in(text: str, start: int = 0, types: Collection[str] | None = None) -> list[Span]:
    """Secrets that begin at `start` or later; `types` None: all."""
    return matches(SECRETS, text, start, types)
