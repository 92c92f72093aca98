"""A streamed answer on its way through the guards. Deltas come in as a provider made them, and leave a little later."""

from collections.abc import Sequence
from dataclasses import replace

from triops.kernel.completion import Delta
from triops.lenses.llmops.guards.model import Finding, summed
from triops.lenses.llmops.guards.passage import LOOK_AHEAD, Passage, blocked
from triops.lenses.llmops.guards.screen import Screen

_TEXTS = frozenset({"text", "thinking", "refusal", "arguments"})


class StreamGuard:
    """For one answer. Holds back at most `look_ahead` characters of each text (a choice's text, its thinking, a tool
    call's arguments), and nothing where every rule only flags. A text ends where another of its choice begins.
    `logprobs` are left out where something could be replaced: they repeat it.
    """

    def __init__(self, screen: Screen, look_ahead: int = LOOK_AHEAD) -> None:
        self._screen = screen
        self._look_ahead = look_ahead
        self._open: dict[int, tuple[Delta, Passage]] = {}  # by choice: what its text is, and its way
        self._chars = 0
        self._too_long = [False] * len(screen.sizes)

    def feed(self, deltas: Sequence[Delta]) -> tuple[list[Delta], tuple[Finding, ...]]:
        """What may go on, and what was found in it. Raises: GuardBlocked, after which nothing more may go on."""
        if not self._screen:
            return list(deltas), ()
        out: list[Delta] = []
        findings: list[Finding] = []
        for delta in deltas:
            if delta.kind in _TEXTS:
                self._spoken(delta, out, findings)
            elif delta.kind == "logprobs":
                if not self._screen.holds:
                    out.append(delta)
            else:
                if delta.kind in ("finish", "tool"):
                    self._close(delta.index, out, findings)
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
        self._chars += len(delta.text)
        self._measure(findings)
        if not self._screen.reads:
            out.append(delta)
            return
        first, passage = self._open.get(delta.index, (None, None))
        if first is None or passage is None or (first.kind, first.part) != (delta.kind, delta.part):
            self._close(delta.index, out, findings)
            passage = Passage(self._screen, look_ahead=self._look_ahead, json=delta.kind == "arguments")
            self._open[delta.index] = (first, passage) = (replace(delta, text="", signature=""), passage)
        text, found = passage.feed(delta.text)
        findings += found
        if not self._screen.holds:
            out.append(delta)
            return
        if delta.signature:  # it signs the whole text, and ends it
            rest, found = passage.end()
            findings += found
            out.append(replace(first, text=text + rest, signature="" if passage.changed else delta.signature))
        elif text:
            out.append(replace(first, text=text))

    def _close(self, index: int, out: list[Delta], findings: list[Finding]) -> None:
        first, passage = self._open.pop(index, (None, None))
        if first is None or passage is None:
            return
        text, found = passage.end()
        findings += found
        if text and self._screen.holds:
            out.append(replace(first, text=text))

    def _measure(self, findings: list[Finding]) -> None:
        for number, rule in enumerate(self._screen.sizes):
            if self._chars > rule.max_chars and not self._too_long[number]:
                self._too_long[number] = True
                finding = Finding(rule.rule, "SIZE", self._screen.where, rule.action)
                findings.append(finding)
                if rule.action == "block":
                    raise blocked(finding, findings)
