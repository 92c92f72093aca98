"""A streamed answer on its way through the guards. Deltas come in as a provider made them, and leave a little later."""

from collections.abc import Sequence
from dataclasses import replace

from triops.kernel.completion import CUSTOM, Citation, Delta, Part
from triops.lenses.llmops.guards.model import Finding, summed
from triops.lenses.llmops.guards.parts import judged_citations, judged_part, part_size
from triops.lenses.llmops.guards.passage import LOOK_AHEAD, Passage, blocked
from triops.lenses.llmops.guards.screen import Screen
from triops.lenses.llmops.guards.texts import drained

_TEXTS = frozenset({"text", "thinking", "refusal", "arguments"})


class _Text:
    """A text on its way. `first`: what it is. `citations`: what rests on it, which goes on when it has gone."""

    __slots__ = ("citations", "first", "passage")

    def __init__(self, first: Delta, passage: Passage) -> None:
        self.first = first
        self.passage = passage
        self.citations: list[Citation] = []


class StreamGuard:
    """For one answer. Holds back at most `look_ahead` characters of each text (a choice's text, its thinking, a tool
    call's arguments), and nothing where every rule only flags. A text ends where another of its choice begins; its
    citations come after it, blocks whole. `logprobs` are left out where something could be replaced: they repeat it.
    """

    def __init__(self, screen: Screen, look_ahead: int = LOOK_AHEAD) -> None:
        self._screen = screen
        self._look_ahead = look_ahead
        self._open: dict[int, _Text] = {}  # by choice
        self._custom: set[tuple[int, int]] = set()  # calls whose text is no JSON
        self._chars = 0
        self._too_long = [False] * len(screen.sizes)

    def feed(self, deltas: Sequence[Delta]) -> tuple[list[Delta], tuple[Finding, ...]]:
        """What may go on, and what was found in it. Raises: GuardBlocked, after which nothing more may go on."""
        if not self._screen:
            return list(deltas), ()
        out: list[Delta] = []
        findings: list[Finding] = []
        for delta in deltas:
            kind = delta.kind
            if kind in _TEXTS:
                self._spoken(delta, out, findings)
            elif kind == "logprobs":
                if not self._screen.holds:
                    out.append(delta)
            elif kind == "citation":
                self._cited(delta, out, findings)
            elif kind == "whole":
                self._close(delta.index, out, findings)
                out.append(self._judged(delta, findings))
            else:
                if kind in ("finish", "tool"):
                    self._close(delta.index, out, findings)
                if kind == "tool" and isinstance(delta.item, Part) and delta.item.media_type == CUSTOM:
                    self._custom.add((delta.index, delta.part))
                out.append(delta)
        return out, summed(findings)

    def end(self) -> tuple[list[Delta], tuple[Finding, ...]]:
        """The rest. Raises: GuardBlocked."""
        out: list[Delta] = []
        findings: list[Finding] = []
        for index in list(self._open):
            self._close(index, out, findings)
        return out, summed(findings)

    def _spoken(self, delta: Delta, out: list[Delta], findings: list[Finding]) -> None:
        self._measure(len(delta.text), findings)
        if not self._screen.reads:
            out.append(delta)
            return
        now = self._of(delta, out, findings)
        text, found = now.passage.feed(delta.text)
        findings += found
        if not self._screen.holds:
            out.append(delta)
            return
        if delta.signature:  # it signs the whole text, and ends it
            rest, found = now.passage.end()
            findings += found
            signature = "" if now.passage.changed else delta.signature
            out.append(replace(now.first, text=text + rest, signature=signature))
        elif text:
            out.append(replace(now.first, text=text))

    def _of(self, delta: Delta, out: list[Delta], findings: list[Finding]) -> _Text:
        """The open text that the delta belongs to."""
        kind = "text" if delta.kind == "citation" else delta.kind
        now = self._open.get(delta.index)
        if now is None or now.first.kind != kind or now.first.part != delta.part:
            self._close(delta.index, out, findings)
            first = replace(delta, kind=kind, text="", signature="", item=None)
            json = kind == "arguments" and (delta.index, delta.part) not in self._custom
            passage = Passage(self._screen, look_ahead=self._look_ahead, json=json)
            now = self._open[delta.index] = _Text(first, passage)
        return now

    def _cited(self, delta: Delta, out: list[Delta], findings: list[Finding]) -> None:
        assert isinstance(delta.item, Citation)
        if not self._screen.reads:
            out.append(delta)
        elif self._screen.holds:
            self._of(delta, out, findings).citations.append(delta.item)
        else:
            drained(judged_citations(self._screen, (delta.item,), None, findings))
            out.append(delta)

    def _judged(self, delta: Delta, findings: list[Finding]) -> Delta:
        assert isinstance(delta.item, Part)
        self._measure(part_size(delta.item), findings)
        if not self._screen.reads:
            return delta
        part = drained(judged_part(self._screen, delta.item, findings))
        return replace(delta, item=part) if self._screen.holds and part is not delta.item else delta

    def _close(self, index: int, out: list[Delta], findings: list[Finding]) -> None:
        now = self._open.pop(index, None)
        if now is None:
            return
        text, found = now.passage.end()
        findings += found
        if text and self._screen.holds:
            out.append(replace(now.first, text=text))
        if now.citations:
            judged = drained(judged_citations(self._screen, tuple(now.citations), now.passage, findings))
            out += [replace(now.first, kind="citation", item=citation) for citation in judged]

    def _measure(self, characters: int, findings: list[Finding]) -> None:
        self._chars += characters
        for number, rule in enumerate(self._screen.sizes):
            if self._chars > rule.max_chars and not self._too_long[number]:
                self._too_long[number] = True
                finding = Finding(rule.rule, "SIZE", self._screen.where, rule.action)
                findings.append(finding)
                if rule.action == "block":
                    raise blocked(finding, findings)
