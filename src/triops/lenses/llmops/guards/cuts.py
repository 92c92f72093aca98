"""Where a text may be cut so that nothing is found across the cut: after a plain word of ordinary prose.

What is decided about the text before such a cut does not depend on what follows it, so a text that comes in pieces is
judged as if it had come at once.
"""

import re
from collections.abc import Iterator

from triops.lenses.llmops.guards.pii.dates import MONTHS

_PLAIN = re.compile(r"(?<![\w.@/:=+'&-])[^\W\d_]{2,20}(?=\s)|[。、，！？]")
# words that things which are found have inside
_INNER = re.compile(rf"{MONTHS}|of|ext|am|pm|is|are|was", re.I)


def plain_cuts(text: str, start: int) -> Iterator[int]:
    """Ends of plain words after `start`, in order."""
    for match in _PLAIN.finditer(text, start):
        word = match[0]
        if not word[0].isupper() and not _INNER.fullmatch(word):
            yield match.end()
