"""The grammar of traces: attributes, tags, metadata, spans, feedback, expectations and issues.

Some names stand for something else: a trace's name is a tag, its run metadata, its text what its spans hold.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from triops.kernel.clause import Clause, Order, Value
from triops.lenses.mlops.filters.grammar import (
    EQUALITY,
    LISTING,
    NULLNESS,
    NUMERIC,
    Grammar,
    invalid,
    listed,
    named,
    number,
    shown,
    unquoted,
)
from triops.lenses.mlops.filters.tokens import Token

NAME_TAG: Final = "mlflow.traceName"
PROMPTS_TAG: Final = "mlflow.linkedPrompts"
RUN_METADATA: Final = "mlflow.sourceRun"

_ASSESSED: Final = ("feedback", "expectation")
_ORDERING: Final = ("<", "<=", ">", ">=")
_SPAN_KEYS: Final = ("name", "status", "type")
_ASSESSMENT_COMPARATORS: Final = (*EQUALITY, *_ORDERING, "LIKE", "ILIKE", "RLIKE", *NULLNESS)
_TEXT_COMPARATORS: Final = (*EQUALITY, "LIKE", "ILIKE", "RLIKE", *NULLNESS)
_LISTING: Final = (*LISTING, "RLIKE")

_MEANT: Final = {
    "name": ("tag", NAME_TAG),
    "prompt": ("tag", PROMPTS_TAG),
    "run_id": ("request_metadata", RUN_METADATA),
    "text": ("span", "content"),
    "timestamp": ("attribute", "timestamp_ms"),
    "execution_time": ("attribute", "execution_time_ms"),
    "end_time": ("attribute", "end_time_ms"),
}


@dataclass(frozen=True)
class TraceGrammar(Grammar):
    def value(self, kind: str, key: str, comparator: str, token: Token) -> Value:
        if kind in _ASSESSED:
            self._check_assessed(kind, comparator, token)
        if token.kind in ("string", "identifier"):
            return unquoted(token.text)
        if kind in ("tag", "span") and token.kind == "parenthesis":
            return listed(token.text)
        if kind in _ASSESSED:
            return number(token)
        if kind != "attribute":
            raise invalid(f"Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {shown(token.text)}")
        if token.kind == "parenthesis":
            assert self.listed is not None
            if key not in self.listed:
                raise invalid(
                    f"Only attributes in {named(self.listed)} supports comparison with a list of quoted string values."
                )
            return listed(token.text)
        if token.kind in ("integer", "float"):
            if key not in self.numeric:
                raise invalid(f"Only the '{named(self.numeric)}' attributes support comparison with numeric values.")
            return number(token)
        raise invalid(
            "Expected a quoted string value or a list of quoted string values for attributes. "
            f"Got value {shown(token.text)}"
        )

    def _check_assessed(self, kind: str, comparator: str, token: Token) -> None:
        orders = comparator in _ORDERING
        if token.kind in (("integer", "float") if orders else ("string", "identifier")):
            return
        if orders:
            raise invalid(
                f"Expected a numeric value for {kind} when using comparator '{comparator}'. "
                f"Got value {shown(token.text)}"
            )
        raise invalid(f"Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {shown(token.text)}")

    def checked(self, clause: Clause) -> Clause:
        kind, key, comparator, value = clause.kind, clause.key, clause.comparator, clause.value
        if kind == "attribute" and key in self.numeric and isinstance(value, str):
            raise invalid(f"Expected numeric value type for numeric attribute: {key}. Found {shown(value)!r}")
        kind, key = self.meant(kind, key)
        clause = Clause(kind, key, comparator, value)
        if kind == "span":
            _check_span(clause)
        elif kind == "issue":
            if key != "id":
                raise invalid(f"Invalid issue attribute '{shown(key)}'. Supported attributes: id")
            if comparator != "=":
                raise invalid(f"issue.{key} comparator '{comparator}' not one of '{named(('=',))}'")
        elif kind in _ASSESSED:
            if not key:
                raise invalid("Assessment field name cannot be empty")
            if comparator not in _ASSESSMENT_COMPARATORS:
                raise invalid(
                    f"assessment.{shown(key)} comparator '{comparator}' not one of '{named(_ASSESSMENT_COMPARATORS)}'"
                )
        else:
            numeric = kind == "attribute" and key in self.numeric
            allowed = self.comparators["numeric" if numeric else kind]
            if comparator not in allowed:
                raise invalid(f"Invalid comparator '{comparator}' not one of '{named(allowed)}'")
        if isinstance(value, tuple) != (comparator in ("IN", "NOT IN")):
            raise invalid(f"Invalid comparator '{comparator}' for the value {shown(repr(value))}")
        return clause

    def meant(self, kind: str, key: str) -> tuple[str, str]:
        """What a name stands for. It is so for the key of a tag too, as MLflow has it."""
        return (kind, key) if kind == "span" else _MEANT.get(key.lower(), (kind, key))

    def order(self, text: str, ascending: bool) -> Order:
        kind, key = self.meant(*self.identified(text, self.order_keys))
        if kind not in ("attribute", "tag", "request_metadata"):
            raise invalid(f"Invalid identifier type '{kind}'", "order_by")
        return Order(kind, key, ascending)


def _check_span(clause: Clause) -> None:
    key, comparator = clause.key, clause.comparator
    if key == "attributes.":
        raise invalid("Span attribute name cannot be empty after 'attributes.'")
    allowed: Collection[str]
    if key.startswith("attributes.") or key in _SPAN_KEYS:
        allowed = _LISTING
    elif key == "content":
        allowed = ("LIKE", "ILIKE")
    else:
        raise invalid(
            f"Invalid span attribute '{shown(key)}'. "
            f"Supported attributes: {', '.join(_SPAN_KEYS)}, attributes.<attribute_name>."
        )
    if comparator not in allowed:
        raise invalid(f"span.{shown(key)} comparator '{comparator}' not one of '{named(allowed)}'")


_KINDS = ("tag", "request_metadata", "attribute", "span", "feedback", "expectation", "issue")
_PREFIXES = {
    **{kind: kind for kind in _KINDS},
    "tags": "tag",
    "attributes": "attribute",
    "trace": "attribute",
    "metadata": "request_metadata",
}
_NUMERIC_KEYS = ("timestamp_ms", "timestamp", "execution_time_ms", "execution_time", "end_time_ms", "end_time")

TRACES: Final = TraceGrammar(
    prefixes=_PREFIXES,
    prefixes_shown=named(_PREFIXES),
    keys=("request_id", "status", "client_request_id", "name", "run_id", "prompt", "text", *_NUMERIC_KEYS),
    order_keys=("experiment_id", "status", "request_id", "name", "run_id", *_NUMERIC_KEYS),
    numeric=_NUMERIC_KEYS,
    listed=("name", "status", "request_id", "run_id", "client_request_id"),
    comparators={
        "tag": _TEXT_COMPARATORS,
        "request_metadata": _TEXT_COMPARATORS,
        "attribute": _LISTING,
        "numeric": NUMERIC,
    },
    null_kinds=_KINDS,  # which of them is checked with the other comparators
    stamps=True,
)
