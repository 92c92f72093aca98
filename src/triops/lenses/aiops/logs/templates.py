"""What a log line says without its particulars, as 64 bits: two lines of one statement in a program share them.

A line is split at blanks; numbers, ids, addresses, paths and quoted text become marks. It needs no training and
gives the same number on every machine and in every run.
"""

import re

import numpy as np

from triops.kernel.signal import U64, Text, fingerprint

_QUOTED = re.compile(r'"[^"]{0,1000}"|(?<!\w)\'[^\']{0,1000}\'(?!\w)')
_PARTICULAR = re.compile(  # numbers with a unit; hexadecimal words with a digit, and their chains (ids, times)
    r"0[xX][0-9a-fA-F]+|[+-]?(?<![A-Za-z0-9])\d+(?:[.,:]\d+)*(?=(?:[munk]?s|[mhdBkKMG]|[kKMGT]i?[bB]|%)(?![A-Za-z0-9]))"
    r"|[+-]?(?<![A-Za-z0-9])[0-9a-fA-F]*\d[0-9a-fA-F]*(?![A-Za-z])(?:[-:.,][0-9a-fA-F]+(?![A-Za-z]))*"
    r"|\d+(?:[.,:]\d+)*"
)
_PATH = re.compile(r"[\w.+~-]*(?:/[\w.+~%@:-]*){2,}|[A-Za-z]:\\\S*")
_DIGITS = str.maketrans("123456789", "000000000")
_LONGEST = 2000  # characters of a line that are looked at
_TOKENS = 64
_BLOB = 200


class Templates:
    """Callable on a column of bodies. Tokens and lines are remembered, at most `bound` each; at the bound the memory
    is emptied (it is only a short cut)."""

    def __init__(self, bound: int = 50_000) -> None:
        self.bound = bound
        self._lines: dict[str, int] = {}
        self._tokens: dict[str, str] = {}
        self._texts: dict[str, int] = {}

    def __call__(self, bodies: Text) -> U64:
        lines, out = self._lines, np.empty(len(bodies), np.uint64)
        if len(lines) + len(bodies) > self.bound:
            lines.clear()
        for at, body in enumerate(bodies):
            found = lines.get(body)
            if found is None:
                found = self._id(self.text(body))
                if len(lines) < self.bound:
                    lines[body] = found
            out[at] = found
        return out

    def text(self, body: str) -> str:
        """The template itself: what is left of a line, with marks."""
        body = body[:_LONGEST]
        if '"' in body or "'" in body:
            body = _QUOTED.sub("<str>", body)
        tokens = self._tokens
        if len(tokens) > self.bound:
            tokens.clear()
        words = []
        # every digit as 0, so that numbers of one length are one token, found in memory
        for token in body.translate(_DIGITS).split(None, _TOKENS)[:_TOKENS]:
            word = token if token.isalpha() else tokens.get(token)
            if word is None:
                word = tokens[token] = _mask(token)
            words.append(word)
        return " ".join(words)

    def _id(self, text: str) -> int:
        """Never 0, which means "not given"."""
        found = self._texts.get(text)
        if found is None:
            if len(self._texts) > self.bound:
                self._texts.clear()
            found = self._texts[text] = fingerprint(text) or 1
        return found


def _mask(token: str) -> str:
    if len(token) > _BLOB:  # encoded data, and no regular expression should see it
        return "<blob>"
    if "=" in token:
        key, _, value = token.partition("=")
        if key and value and key[-1].isalnum() and "/" not in key:
            return f"{key}={_mask(value)}"
    if "/" in token or "\\" in token:
        token = _PATH.sub("<path>", token)
    return _PARTICULAR.sub("<n>", token)
