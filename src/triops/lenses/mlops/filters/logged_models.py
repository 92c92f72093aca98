"""The grammar of logged models, whose filters MLflow reads in a way of their own: any flaw is one of a few errors."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from triops.kernel.clause import Clause, Order, Value
from triops.kernel.errors import Invalid
from triops.lenses.mlops.filters.grammar import (
    LISTING,
    NULLNESS,
    NUMERIC,
    Grammar,
    invalid,
    named,
    require_list,
    shown,
)
from triops.lenses.mlops.filters.tokens import Token


@dataclass(frozen=True)
class LoggedModelGrammar(Grammar):
    """Kinds are called as elsewhere; times by the names that the API has."""

    def unreadable(self, text: str) -> Invalid:
        return self.several(text)

    def several(self, text: str) -> Invalid:
        return invalid(f"Invalid filter string: {shown(text)!r}. Expected a single SQL expression.")

    def loose(self, text: str, words: object) -> Invalid:
        return invalid(
            f"Invalid filter string: {shown(text)!r}. Expected a list of comparisons separated by 'AND' "
            "(e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."
        )

    def clause(self, comparison: Token) -> Clause:
        assert comparison.parts is not None
        left, comparator, right = comparison.parts
        compared = " ".join(comparator.text.split()).upper()
        if compared in NULLNESS:
            raise invalid(f"Invalid comparison: {shown(comparison.text)}. Expected a comparison with 3 tokens.")
        kind, key = self.identified(left.text, self.keys)
        numeric = kind == "metric" or key in self.numeric
        allowed = NUMERIC if numeric else LISTING
        if compared not in allowed:
            name = f"{left.text.partition('.')[0] if kind != 'attribute' else 'attributes'}.{key}"
            raise invalid(
                f"Invalid comparison operator for {shown(name)}: {compared!r}. "
                f"Expected one of {allowed_shown(allowed)}."
            )
        return Clause(kind, key, compared, self.value(kind, key, compared, right))

    def identified(self, text: str, keys: Collection[str]) -> tuple[str, str]:
        prefix, period, key = text.partition(".")
        if not period or not prefix.isascii() or not prefix.isalpha() or not prefix.islower():
            kind, key = "attribute", text
        elif prefix in self.prefixes:
            kind = self.prefixes[prefix]
        else:
            raise invalid(f"Invalid entity type: {shown(prefix)!r}. Expected one of {list(self.prefixes)}.")
        key = key.strip("`")
        if kind == "attribute":
            key = self.synonyms.get(key, key)
            if key not in keys:
                raise invalid(f"Invalid attribute key '{shown(key)}' specified. Valid keys are '{named(keys)}'")
        return kind, key

    def value(self, kind: str, key: str, comparator: str, token: Token) -> Value:
        if kind == "metric" or key in self.numeric:
            if token.kind not in ("integer", "float"):
                raise invalid(f"Expected a number for {kind} {shown(key)!r}. Got value {shown(token.text)}")
            return float(token.text)
        if token.kind == "parenthesis":
            return super().list_of(key, token)
        return token.text.strip("'")

    def checked(self, clause: Clause) -> Clause:
        require_list(clause)
        return clause

    def order(self, text: str, ascending: bool) -> Order:
        """`text` is the field's name alone; the request has the direction apart."""
        prefix, period, key = text.partition(".")
        if period and prefix != "metrics":
            raise invalid(f"Invalid order by field name: {shown(text)}. Only metrics are supported.", "order_by")
        if period:
            return Order("metric", key, ascending)
        key = self.synonyms.get(text, text)
        if key not in self.order_keys:
            raise invalid(f"Invalid order by field name: {shown(text)}", "order_by")
        return Order("attribute", key, ascending)


def allowed_shown(comparators: Collection[str]) -> str:
    order = ("<", "<=", ">", ">=", "=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")
    return str(tuple(comparator for comparator in order if comparator in comparators))


_LOGGED_MODEL_KEYS = (
    "name",
    "model_id",
    "model_type",
    "status",
    "source_run_id",
    "experiment_id",
    "artifact_location",
    "status_message",
    "creation_timestamp",
    "last_updated_timestamp",
)

LOGGED_MODELS: Final = LoggedModelGrammar(
    prefixes={"attributes": "attribute", "metrics": "metric", "params": "parameter", "tags": "tag"},
    prefixes_shown="",
    keys=_LOGGED_MODEL_KEYS,
    order_keys=_LOGGED_MODEL_KEYS,
    numeric=("creation_timestamp", "last_updated_timestamp"),
    listed=None,
    synonyms={
        "creation_time": "creation_timestamp",
        "creation_timestamp_ms": "creation_timestamp",
        "last_updated_time": "last_updated_timestamp",
        "last_updated_timestamp_ms": "last_updated_timestamp",
    },
)
