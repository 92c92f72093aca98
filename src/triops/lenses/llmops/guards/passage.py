"""One text on its way through a screen, in pieces of any size: what of it may go on, with what must not pass replaced.

At most `look_ahead` characters are held back; what was let go is never taken back. A text that is cut after plain words
at least that often comes out the same however it was divided. Where it is not (a long line of code), it is cut between
other words, and something that stands across such a cut may be missed; a secret longer than the look-ahead is still
replaced whole.
"""

import re
from collections.abc import Sequence

from triops.kernel.errors import GuardBlocked
from triops.lenses.llmops.guards.json_text import JsonText
from triops.lenses.llmops.guards.model import Finding, summed
from triops.lenses.llmops.guards.patterns import LOOK_BEHIND
from triops.lenses.llmops.guards.screen import Hit, Screen

LOOK_AHEAD = 256
_BATCH = 64  # new characters that are worth a look
_SPACE = re.compile(r"\s")
_MORE = {"PRIVATE_KEY": re.compile(r"[\w+/=\s\\:,.-]*?(?:-----END [A-Z0-9 ]{0,60}-----|(?=[^\w+/=\s\\:,.-])|\Z)")}
_MORE_WORD = re.compile(r"[^\s\"'`<>\\]*")


class Passage:
    """`json`: the text is JSON (a tool call's arguments), and stays JSON. `batch`: a look is taken when so many
    characters are new."""

    def __init__(
        self, screen: Screen, *, look_ahead: int = LOOK_AHEAD, batch: int = _BATCH, json: bool = False
    ) -> None:
        self._screen = screen
        self._look_ahead = look_ahead
        self._batch = batch
        self._json = json
        self._text = ""  # a little of what was let go, then what is held back
        self._begin = 0  # where that begins
        self._before: tuple[str, ...] = ()  # the words before that
        self._looked = 0  # characters of `_text` at the last look
        self._quoted = False  # whether `_begin` is within a JSON string
        self._swallowed = ""  # the type of what was replaced while it still went on
        self._base = 0  # where `_text` begins in all that was fed
        self._edits: list[tuple[int, int, int]] = []  # from and to in all that was fed: characters in its place
        self.changed = False

    @property
    def held(self) -> int:
        """Characters that are held back now."""
        return len(self._text) - self._begin

    def moved(self, place: int) -> int:
        """Where a place of the text that was fed is in what went on."""
        shift = 0
        for start, end, length in self._edits:
            if place <= start:
                break
            shift += min(length, place - start) - (place - start) if place < end else length - (end - start)
        return place + shift

    def feed(self, text: str) -> tuple[str, list[Finding]]:
        """What may go on now. Raises: GuardBlocked."""
        if self._swallowed:
            more = _MORE.get(self._swallowed, _MORE_WORD).match(text)
            gone = more.end() if more else 0
            if gone:
                at = self._base + len(self._text)
                self._edits.append((at, at + gone, 0))
                self._base += gone
            text = text[gone:]
            if text:
                self._swallowed = ""
        self._text += text
        if len(self._text) - self._looked < self._batch and len(self._text) - self._begin <= self._look_ahead:
            return "", []
        return self._look(final=False)

    def whole(self, text: str) -> tuple[str, list[Finding]]:
        """A text that is all there. Raises: GuardBlocked."""
        self._text += text
        return self._look(final=True)

    def end(self) -> tuple[str, list[Finding]]:
        """The rest. Raises: GuardBlocked."""
        return self._look(final=True)

    def _look(self, final: bool) -> tuple[str, list[Finding]]:
        text = self._text
        if self._begin == len(text):
            return "", []
        json = JsonText(text, self._begin, self._quoted) if self._json else None
        look = self._screen.look(json.seen if json else text, self._begin, self._before)
        hits = look.hits
        cut = len(text) if final else look.cut()
        self._looked = len(text)
        if len(text) - cut > self._look_ahead:
            cut = self._forced(look.text, cut, hits)
            cut = json.outside(cut) if json else cut
        if cut == self._begin:
            return "", []
        passed = [hit for hit in hits if hit.span.start < cut]
        findings = [hit.finding(self._screen.where) for hit in passed]
        for hit, finding in zip(passed, findings, strict=True):
            if hit.action == "block":
                raise blocked(finding, findings)
        out, cut = self._written(text, cut, passed, json)
        self._before = look.before(cut)
        keep = self._kept(text, cut)
        self._text, self._begin, self._looked = text[keep:], cut - keep, self._looked - keep
        self._base += keep
        return out, findings

    def _forced(self, text: str, cut: int, hits: Sequence[Hit]) -> int:
        """A cut that leaves at most the look-ahead behind it."""
        least, most = len(text) - self._look_ahead, len(text) - min(16, self._look_ahead // 2)
        spaces = [match.start() for match in _SPACE.finditer(text, least, most)]
        for place in (*reversed(spaces), most):
            if not any(hit.span.start < place < hit.span.end for hit in hits):
                return place
        crossing = next((hit.span for hit in hits if hit.span.start < most < hit.span.end), None)
        if crossing is None:
            return most
        if crossing.start > max(cut, least - 1):
            return crossing.start
        if crossing.end == len(text):
            self._swallowed = crossing.type
        return crossing.end

    def _written(self, text: str, cut: int, hits: Sequence[Hit], json: JsonText | None) -> tuple[str, int]:
        pieces: list[str] = []
        at = self._begin
        for hit in hits:
            if hit.action == "flag":
                continue
            start, end, mark = hit.span.start, hit.span.end, f"[{hit.span.type}]"
            for begin, stop, bare in json.replaceable(start, end) if json else ((start, end, False),):
                if begin >= at:
                    pieces += (text[at:begin], f'"{mark}"' if bare else mark)
                    self._edits.append((self._base + begin, self._base + stop, len(pieces[-1])))
                    at = stop
                    self.changed = True
        cut = max(at, cut)  # a whole number of JSON goes, though it be cut in two
        if json is not None:
            self._quoted = json.quoted_at(cut)
        return "".join((*pieces, text[at:cut])), cut

    def _kept(self, text: str, cut: int) -> int:
        """Where what must still be seen of the text before a cut begins: at a word."""
        if cut <= LOOK_BEHIND:
            return 0
        space = _SPACE.search(text, max(0, cut - 2 * LOOK_BEHIND), cut - LOOK_BEHIND)
        return space.start() if space else cut - LOOK_BEHIND


def blocked(finding: Finding, findings: Sequence[Finding]) -> GuardBlocked:
    return GuardBlocked(
        f"guard rule {finding.rule!r} found {finding.type} in the {finding.where}",
        rule=finding.rule,
        type=finding.type,
        findings=[item.as_json() for item in summed(findings)],
    )
