"""What of spans is never stored: by the project's documents of the kind `Redaction`, all of which hold together.

Applied to every span before it is stored anywhere: sent by OTLP, recorded for an experiment, or made by the gateway. A
project without such a document pays nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson

from triops.kernel.document import Document
from triops.kernel.genai.content import is_content, is_event_content, is_message
from triops.kernel.genai.names import MARKS
from triops.kernel.signal import LogBatch, SpanBatch, Text
from triops.loop.documents import Kind

Redact = Callable[[str], str]
Redactor = Callable[[Sequence[str] | None, bool], Redact]  # types of personal data (empty: all; None: none), secrets
_DEPTH = 16
_EVENT = '"gen_ai.'  # in an attribute's name, or the name of an event
_KEEPS = ("all", "messages", "none")  # from most to least


@dataclass(frozen=True, slots=True)
class Rule:
    """`names`: attributes that go, `prefixes` of more. `keep`: `none` of the content, `messages` alone, or `all`."""

    keep: str = "all"
    names: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    redact: Redact | None = field(default=None, repr=False)

    def attributes(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """What stays of a span's, or None where that is all, as it is."""
        kept: dict[str, Any] = {}
        changed = False
        for name, value in given.items():
            if self._goes(name):
                changed = True
                continue
            if self.redact is not None and is_content(name):
                clean = _cleaned(value, self.redact, 0)
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
                    clean = {name: _cleaned(value, self.redact, 0) for name, value in inside.items()}
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

    def batch(self, batch: SpanBatch) -> SpanBatch:
        """`batch` itself where nothing goes."""
        whole = "\n".join(batch.attributes) + "\n" + "\n".join(batch.events)
        marks = [mark for mark in self._looked_for() if mark in whole]
        messages = batch.status_message
        if (self.redact is not None or self.keep != "all") and any(messages):
            messages = np.array([self.said(text) for text in messages], dtype=object)
        if not marks and messages is batch.status_message:
            return batch
        attributes = _column(batch.attributes, marks, self._attributes_text)
        events = _column(batch.events, marks, self._events_text)
        if attributes is batch.attributes and events is batch.events and messages is batch.status_message:
            return batch
        return replace(batch, attributes=attributes, events=events, status_message=messages)

    def logs(self, batch: LogBatch) -> LogBatch:
        """Messages come as events in logs too. `batch` itself where nothing goes."""
        whole = "\n".join(batch.attributes)
        marks = [mark for mark in self._looked_for() if mark in whole]
        if not marks:
            return batch
        bodies = batch.body
        for row, text in enumerate(batch.attributes):
            if _EVENT in text and (kept := self._body(bodies[row])) != bodies[row]:
                if bodies is batch.body:
                    bodies = bodies.copy()
                bodies[row] = kept
        attributes = _column(batch.attributes, marks, self._attributes_text)
        return replace(batch, attributes=attributes, body=bodies)

    def _body(self, text: str) -> str:
        if self.keep == "none" or self.redact is None:
            return "" if self.keep == "none" else text
        return str(_cleaned(text, self.redact, 0))

    def _looked_for(self) -> list[str]:
        return [
            *MARKS,
            _EVENT,
            '"exception',
            '"error.message"',
            *(f'"{name}' for name in (*self.names, *self.prefixes)),
        ]

    def _goes(self, name: str) -> bool:
        if name in self.names or (self.prefixes and name.startswith(self.prefixes)):
            return True
        return self.keep != "all" and is_content(name) and not (self.keep == "messages" and is_message(name))

    def _attributes_text(self, text: str) -> str:
        kept = self.attributes(orjson.loads(text))
        return text if kept is None else orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()

    def _events_text(self, text: str) -> str:
        kept = self.events(orjson.loads(text))
        return text if kept is None else orjson.dumps(kept).decode()


def rule_of(documents: Sequence[Document], redactor: Redactor) -> Rule | None:
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
        max((spec.get("keep", "all") for spec in specs), key=_KEEPS.index),
        frozenset(name for name in names if not name.endswith("*")),
        tuple(name[:-1] for name in names if name.endswith("*")),
        redactor(types, secrets) if types is not None or secrets else None,
    )


def redaction_kind(redactor: Redactor, types: Sequence[str]) -> Kind:
    """`types` of personal data that `redactor` knows."""
    schema = {
        "type": "object",
        "description": "What is taken out of spans before they are stored, in this project. Several hold together.",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "pii": {
                "type": "array",
                "uniqueItems": True,
                "items": {"enum": list(types)},
                "description": "Personal data in texts, by type in brackets in its place; empty: of all types.",
            },
            "secrets": {
                "type": "boolean",
                "description": "Keys, tokens and passwords in texts, by their type in brackets in its place.",
            },
            "attributes": {
                "type": "array",
                "uniqueItems": True,
                "maxItems": 100,
                "items": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": '^[^*"\\\\]+\\*?$'},
                "description": "Attributes that are dropped, by name; a `*` at the end stands for any rest.",
            },
            "keep": {
                "enum": list(_KEEPS),
                "default": "all",
                "description": "Of what is said: all of it, messages alone (not what tools and retrievers were given "
                "and gave), or nothing.",
            },
        },
    }

    def check(document: Document) -> None:
        rule_of([document], redactor)

    return Kind("Redaction", schema, check, binds=True)  # what may be stored is not for editors to loosen


def _column(texts: Text, marks: Sequence[str], clean: Callable[[str], str]) -> Text:
    """`texts` itself where none changed."""
    if not marks:
        return texts
    found: Text | None = None
    for row, text in enumerate(texts):
        if text and any(mark in text for mark in marks):
            try:
                kept = clean(text)
            except orjson.JSONDecodeError:  # what cannot be read is not known to be clean
                kept = ""
            if kept is not text and kept != text:
                if found is None:
                    found = texts.copy()
                found[row] = kept
    return texts if found is None else found


def _cleaned(value: Any, redact: Redact, depth: int) -> Any:
    """Texts within it, also where JSON is in a text."""
    if isinstance(value, str):
        if value[:1] in ("{", "[", '"') and depth < _DEPTH:
            try:
                inner = orjson.loads(value)
            except orjson.JSONDecodeError:
                return redact(value)
            clean = _cleaned(inner, redact, depth + 1)
            return value if clean == inner else orjson.dumps(clean).decode()
        return redact(value)
    if depth >= _DEPTH:
        return None
    if isinstance(value, list):
        return [_cleaned(one, redact, depth + 1) for one in value]
    if isinstance(value, dict):
        return {name: _cleaned(one, redact, depth + 1) for name, one in value.items()}
    return value
