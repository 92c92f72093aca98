"""What must never be shown: values whose name says that they are secret, and secrets that are known by value."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MASK = "***"
_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token(?!s)|credential|authorization|cookie|(api|access|private)[-_.]?key",
    re.I,
)
_ASSIGNED = re.compile(r"([\w.-]+)=(.*)", re.S)


def is_secret(name: str) -> bool:
    """Whether a field, header, argument or variable of this name holds a secret."""
    return bool(_NAME.search(name)) and not name.lower().endswith("_env")


def masked(value: Any) -> Any:
    """JSON with the values of secret members replaced, at any depth."""
    if isinstance(value, Mapping):
        return {key: MASK if is_secret(str(key)) and item else masked(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [masked(item) for item in value]
    return value


def masked_arguments(argv: Sequence[str]) -> list[str]:
    """A command's arguments with those of `--password x`, `--token=x` and `KEY=x` replaced."""
    shown: list[str] = []
    hide = False
    for argument in argv:
        assigned = _ASSIGNED.fullmatch(argument)
        if hide:
            shown.append(MASK)
            hide = False
        elif assigned and is_secret(assigned[1].lstrip("-")):
            shown.append(f"{assigned[1]}={MASK}")
        else:
            shown.append(argument)
            hide = argument.startswith("-") and is_secret(argument.lstrip("-"))
    return shown


def without(text: str, secrets: Iterable[str]) -> str:
    """Text with every occurrence of known secrets replaced, the longest first."""
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


_NAMED = re.compile(
    r"""(?P<name>[\w.-]{2,64})(?P<quote>["']?\s*(?::|=>?)\s*)(?P<value>"[^"\n]*"|'[^'\n]*'|[^\s"',;&]+)"""
)
_SHAPES = re.compile(
    r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"  # user:password@ of a URL
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\bsk-[\w-]{16,}|\bhf_\w{20,}|\bxox[abprs]-[\w-]{10,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|(?<=Bearer )[\w.~+/=-]{8,}"
)
_PRIVATE_KEY = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S)


def masked_text(text: str) -> str:
    """Free text, a diff for example, with what is assigned to a secret's name and what has the shape of a secret
    replaced. It shows less rather than more."""

    def assigned(match: re.Match[str]) -> str:
        if not is_secret(match["name"]) or match["value"] in ('""', "''"):
            return match[0]
        quote = match["value"][0] if match["value"][0] in "\"'" else ""
        return f"{match['name']}{match['quote']}{quote}{MASK}{quote}"

    text = _PRIVATE_KEY.sub(rf"\1{MASK}\2", text)
    return _NAMED.sub(assigned, _SHAPES.sub(MASK, text))
