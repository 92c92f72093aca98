"""One project's documents of the kind `Redaction`, read: what of a call's attributes and texts may be stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from triops.kernel.document import Document
from triops.kernel.genai.content import is_content, is_event_content, is_message
from triops.lenses.llmops.guards.pii.detector import needs_model
from triops.lenses.llmops.guards.redactor import Redactor
from triops.lenses.llmops.guards.texts import drained
from triops.lenses.llmops.redaction.cleaning import Redact, cleaned

KEEPS: Final = ("all", "messages", "none")  # from most to least


@dataclass(frozen=True, slots=True)
class Rule:
    """`names`: attributes that go, `prefixes` of more. `keep`: `none` of the content, `messages` alone, or `all`."""

    keep: str = "all"
    names: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    redact: Redact | None = field(default=None, repr=False)
    looks_for_names: bool = False  # which takes a model

    def attributes(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """What stays of a span's, or None where that is all, as it is."""
        kept: dict[str, Any] = {}
        changed = False
        for name, value in given.items():
            if self.goes(name):
                changed = True
                continue
            if self.redact is not None and is_content(name):
                clean = drained(cleaned(value, self.redact))
                changed = changed or clean != value
                value = clean
            kept[name] = value
        return kept if changed else None

    def events(self, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
        kept: list[dict[str, Any]] = []
        changed = False
        for event in given:
            inside = event.get("attributes")
            if isinstance(inside, dict) and inside:
                said = is_event_content(event.get("name"))
                if said and self.keep == "none":
                    clean: dict[str, Any] | None = {}
                elif said and self.redact is not None:
                    clean = {name: drained(cleaned(value, self.redact)) for name, value in inside.items()}
                else:
                    clean = self.attributes(inside)
                if clean is not None and clean != inside:
                    event, changed = {**event, "attributes": clean}, True
            kept.append(dict(event))
        return kept if changed else None

    def text(self, text: str) -> str:
        """What stays of what people write of a trace: scores, comments, rationales."""
        return self.redact(text) if self.redact is not None and text else text

    def said(self, text: str) -> str:
        """What stays of what a status or a preview says: exceptions quote what was said, and none is a message."""
        return self.text(text) if self.keep == "all" else ""

    def goes(self, name: str) -> bool:
        """Of an attribute, by its name."""
        if name in self.names or (self.prefixes and name.startswith(self.prefixes)):
            return True
        return self.keep != "all" and is_content(name) and not (self.keep == "messages" and is_message(name))


def rule_of(documents: Sequence[Document]) -> Rule | None:
    """None where nothing is to go. Raises: Invalid for a type of personal data that is not known."""
    specs = [document.spec for document in documents if document.kind == "Redaction"]
    if not specs:
        return None
    names = [name for spec in specs for name in spec.get("attributes", ())]
    types: list[str] | None = None
    for spec in specs:
        if "pii" in spec:
            asked = list(spec["pii"])
            types = [] if types == [] or not asked else [*(types or ()), *asked]
    secrets = any(spec.get("secrets", False) for spec in specs)
    return Rule(
        max((spec.get("keep", "all") for spec in specs), key=KEEPS.index),
        frozenset(name for name in names if not name.endswith("*")),
        tuple(name[:-1] for name in names if name.endswith("*")),
        Redactor(types, secrets) if types is not None or secrets else None,
        types is not None and needs_model(types),
    )
