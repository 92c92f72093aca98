"""What differs between two versions, for people: texts line by line, the rest field by field."""

from dataclasses import dataclass
from difflib import unified_diff
from itertools import zip_longest
from typing import Any

from triops.kernel.prompts.spec import PromptSpec

_LINES = 5_000  # of one text; over it the whole text is shown as replaced
_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class TextChange:
    """`where`: text, or messages[0]. `lines`: a unified diff without its header."""

    where: str
    before: str | None
    after: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`where`: settings.temperature, model, engine, variables.shop. None: not there."""

    where: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Diff:
    texts: tuple[TextChange, ...]
    fields: tuple[FieldChange, ...]


def diff(before: PromptSpec, after: PromptSpec) -> Diff:
    texts = []
    old, new = _texts(before), _texts(after)
    for at, (a, b) in enumerate(zip_longest(old, new)):
        if a != b:
            where = f"messages[{at}]" if before.chat or after.chat else "text"
            texts.append(TextChange(where, a, b, _lines(a or "", b or "")))
    fields = []
    was, now = _fields(before), _fields(after)
    for where in dict.fromkeys([*was, *now]):
        if was.get(where, _MISSING) != now.get(where, _MISSING):
            fields.append(FieldChange(where, was.get(where), now.get(where)))
    return Diff(tuple(texts), tuple(fields))


def _texts(spec: PromptSpec) -> list[str]:
    if spec.text is not None:
        return [spec.text]
    return [f"{line.role}: {line.content}" for line in spec.messages]


def _fields(spec: PromptSpec) -> dict[str, Any]:
    content = spec.content_json()
    flat = {"type": "chat" if spec.chat else "text", "engine": spec.engine, "model": spec.model}
    for part in ("variables", "settings"):
        flat |= {f"{part}.{name}": value for name, value in content[part].items()}
    return flat


def _lines(before: str, after: str) -> tuple[str, ...]:
    a, b = before.splitlines(), after.splitlines()
    if max(len(a), len(b)) > _LINES:
        return (*(f"-{line}" for line in a), *(f"+{line}" for line in b))
    return tuple(line for line in unified_diff(a, b, lineterm="", n=3) if not line.startswith(("---", "+++")))
