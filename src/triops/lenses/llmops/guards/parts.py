"""Parts of messages and answers judged whole, with what belongs to them."""

from dataclasses import replace

from triops.kernel.completion import CUSTOM, Citation, Part
from triops.lenses.llmops.guards.blocks import block_size, judged_block, judged_tree
from triops.lenses.llmops.guards.model import Finding
from triops.lenses.llmops.guards.passage import Passage
from triops.lenses.llmops.guards.screen import Screen
from triops.lenses.llmops.guards.texts import Steps, judged_text

_SPOKEN = frozenset({"text", "thinking", "refusal"})


def judged_parts(screen: Screen, parts: tuple[Part, ...], findings: list[Finding]) -> Steps:
    """The very tuple where nothing changed. Raises: GuardBlocked."""
    judged: list[Part] = []
    for part in parts:
        judged.append((yield from judged_part(screen, part, findings)))
    return parts if all(new is old for new, old in zip(judged, parts, strict=True)) else tuple(judged)


def judged_part(screen: Screen, part: Part, findings: list[Finding]) -> Steps:
    """The very part where nothing changed."""
    new, passage = part, None
    if part.kind == "block":
        text = yield from judged_block(screen, part.text, findings)
        new = part if text is part.text else replace(part, text=text)
    elif part.text and (part.kind in _SPOKEN or part.kind == "tool_call"):
        json = part.kind == "tool_call" and part.media_type != CUSTOM
        text, passage = yield from judged_text(screen, part.text, json, findings)
        if passage.changed:  # a signature is of the text as it was
            new = replace(part, text=text, signature="")
    elif part.parts:
        inner = yield from judged_parts(screen, part.parts, findings)
        new = part if inner is part.parts else replace(part, parts=inner)
    if part.citations:
        cited = yield from judged_citations(screen, part.citations, passage, findings)
        new = new if cited is part.citations else replace(new, citations=cited)
    return new


def judged_citations(
    screen: Screen, citations: tuple[Citation, ...], passage: Passage | None, findings: list[Finding]
) -> Steps:
    """The very tuple where nothing changed. `passage`: the way of the text that rests on them."""
    judged: list[Citation] = []
    for citation in citations:
        judged.append((yield from _judged_citation(screen, citation, passage, findings)))
    return citations if all(new is old for new, old in zip(judged, citations, strict=True)) else tuple(judged)


def _judged_citation(screen: Screen, citation: Citation, passage: Passage | None, findings: list[Finding]) -> Steps:
    own = yield from judged_tree(screen, citation.own, findings)
    if own is not citation.own:
        again: list[Finding] = []  # the same texts, which were found already
        url, _ = yield from judged_text(screen, citation.url, False, again)
        title, _ = yield from judged_text(screen, citation.title, False, again)
        text, _ = yield from judged_text(screen, citation.text, False, again)
        citation = replace(citation, own=own, url=url, title=title, text=text)
    if passage is not None and passage.changed and citation.start >= 0:
        return replace(citation, start=passage.moved(citation.start), end=passage.moved(citation.end))
    return citation


def part_size(part: Part) -> int:
    """Characters that are judged."""
    size = block_size(part.text) if part.kind == "block" else len(part.text)
    return size + sum(map(part_size, part.parts))
