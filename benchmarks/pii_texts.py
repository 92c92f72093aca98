"""The texts of `pii_texts.txt`, with where the personal data in them stands."""

import re
from pathlib import Path

_MARK = re.compile(r"\{\{([A-Z_]+):(.*?)\}\}")


def own_texts() -> list[dict]:
    """In the form of the data of others: `text`, `spans`, and as `template` the number of its line."""
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    return [_row(n, line) for n, line in enumerate(line for line in lines if line and not line.startswith("#"))]


def _row(number: int, line: str) -> dict:
    text, spans, at = "", [], 0
    line = "\\".join(part.replace("\\n", "\n") for part in line.split("\\\\"))
    for mark in _MARK.finditer(line):
        text += line[at : mark.start()]
        spans.append({"start": len(text), "end": len(text) + len(mark[2]), "type": mark[1]})
        text += mark[2]
        at = mark.end()
    return {"text": text + line[at:], "spans": spans, "template": number}
