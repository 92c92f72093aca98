"""The grammar of each kind of thing but those that have a module of their own."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from triops.kernel.clause import Clause, Order, Value
from triops.kernel.errors import Invalid
from triops.lenses.mlops.filters.grammar import (
    LIKENESS,
    LISTING,
    NULLNESS,
    NUMERIC,
    Grammar,
    invalid,
    named,
    number,
    require_list,
    shown,
    unquoted,
)
from triops.lenses.mlops.filters.tokens import Token

_TAGGED: Final = {"attribute": "attribute", "tag": "tag", "tags": "tag"}
_TAGGED_SHOWN: Final = "('attribute', 'tag', 'tags')"

_RUN_ATTRIBUTES = ("artifact_uri", "end_time", "run_id", "run_name", "start_time", "status", "user_id")
_RUN_SYNONYMS = {
    "created": "start_time",
    "Created": "start_time",
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
}

RUNS: Final = Grammar(
    prefixes={
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("parameter", "parameters", "param", "params"), "parameter"),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
        **dict.fromkeys(("dataset", "datasets"), "dataset"),
    },
    prefixes_shown="['metric', 'parameter', 'tag', 'attribute', 'dataset']",
    keys=(*_RUN_ATTRIBUTES, *_RUN_SYNONYMS),
    order_keys=(*_RUN_ATTRIBUTES, "created", "Created"),
    numeric=("start_time", "end_time", "created", "Created"),
    listed=("run_id",),
    comparators={
        "metric": NUMERIC,
        "parameter": (*LIKENESS, *NULLNESS),
        "tag": (*LIKENESS, *NULLNESS),
        "attribute": LISTING,
        "numeric": NUMERIC,
        "dataset": LISTING,
    },
    synonyms=_RUN_SYNONYMS,
    datasets=("name", "digest", "context"),
    null_kinds=("parameter", "tag"),
)


@dataclass(frozen=True)
class TaggedGrammar(Grammar):
    """Of things with attributes and tags."""

    by_place: bool = False  # comparators are refused by what they stand with, not by a list of the allowed

    def unknown_prefix(self, prefix: str) -> Invalid:
        return invalid(f"Invalid entity type '{shown(prefix)}'. Valid entity types are {self.prefixes_shown}")

    def not_nullable(self, kind: str, key: str) -> Invalid:
        return invalid(f"IS NULL / IS NOT NULL is only supported for tags, not for attribute '{shown(key)}'")

    def unfit_comparator(self, clause: Clause, allowed: Collection[str]) -> Invalid:
        if clause.kind == "tag":
            return invalid(f"Invalid comparator for tag: {clause.comparator}")
        if self.by_place and clause.key in self.numeric:
            return invalid(f"Invalid comparator for attribute {clause.key}: {clause.comparator}")
        if self.by_place:
            return invalid(f"Invalid comparator for attribute: {clause.comparator}")
        return super().unfit_comparator(clause, allowed)

    def checked(self, clause: Clause) -> Clause:
        clause = super().checked(clause)
        if clause.kind == "attribute" and clause.key in self.numeric:
            return Clause(clause.kind, clause.key, clause.comparator, whole(clause.key, clause.value))
        return clause

    def order(self, text: str, ascending: bool) -> Order:
        order = super().order(text, ascending)
        if order.kind != "attribute":
            raise invalid(f"Invalid order_by entity: {order.kind}", "order_by")
        return order


def whole(key: str, value: Value) -> int:
    """A numeric attribute's value. Raises: Invalid for what is no whole number."""
    if isinstance(value, float):
        raise invalid(f"Invalid value for numeric attribute '{key}': {str(value)!r}")
    try:
        return int(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise invalid(f"Invalid value for numeric attribute '{key}': {value!r}") from None


@dataclass(frozen=True)
class ExperimentGrammar(TaggedGrammar):
    """`experiment_id` is compared as a number, and only for being it."""

    def checked(self, clause: Clause) -> Clause:
        if clause.kind != "attribute" or clause.key != "experiment_id":
            return super().checked(clause)
        if clause.comparator not in ("=", "!=", "IN", "NOT IN"):
            raise invalid(f"Invalid comparator for experiment_id: {clause.comparator}")
        require_list(clause)
        for value in clause.value if isinstance(clause.value, tuple) else (clause.value,):
            try:
                int(str(value))
            except ValueError:
                raise invalid(
                    f"Invalid experiment ID '{shown(str(value))}'. Experiment ID must be a valid integer."
                ) from None
        return clause


EXPERIMENTS: Final = ExperimentGrammar(
    prefixes=_TAGGED,
    prefixes_shown=_TAGGED_SHOWN,
    keys=("name", "experiment_id", "creation_time", "last_update_time"),
    order_keys=("name", "experiment_id", "creation_time", "last_update_time"),
    numeric=("creation_time", "last_update_time"),
    listed=("experiment_id",),
    comparators={"attribute": LISTING, "numeric": NUMERIC, "tag": (*LIKENESS, *NULLNESS)},
    null_kinds=("tag",),
    folds=False,
    quotes=False,
    once=False,
)


@dataclass(frozen=True)
class RegistryGrammar(TaggedGrammar):
    """Of registered models and their versions."""

    def not_nullable(self, kind: str, key: str) -> Invalid:
        return invalid("Invalid comparison clause. IS NULL / IS NOT NULL is not supported here.")

    def value(self, kind: str, key: str, comparator: str, token: Token) -> Value:
        if kind == "tag":
            return super().value(kind, key, comparator, token)
        if token.kind in ("string", "identifier"):
            return unquoted(token.text)
        if token.kind == "parenthesis":
            return self.list_of(key, token)
        if token.kind in ("integer", "float") and self.numeric:
            if key in self.numeric:
                return number(token)
            raise invalid(f"Only the '{named(self.numeric)}' attributes support comparison with numeric values.")
        raise self.unfit(token)

    def unfit(self, token: Token) -> Invalid:
        return invalid(
            "Expected a quoted string value or a list of quoted string values for attributes. "
            f"Got value {shown(token.text)}"
        )


@dataclass(frozen=True)
class ModelGrammar(RegistryGrammar):
    """`timestamp` in an order is when a model was last updated."""

    def order(self, text: str, ascending: bool) -> Order:
        if text not in self.order_keys:
            valid = named(("name", "timestamp"))
            raise invalid(f"Invalid order by key '{shown(text)}' specified. Valid keys are '{valid}'", "order_by")
        return Order("attribute", self.synonyms.get(text, text), ascending)


MODELS: Final = ModelGrammar(
    prefixes=_TAGGED,
    prefixes_shown=_TAGGED_SHOWN,
    keys=("name",),
    order_keys=("name", "timestamp", "last_updated_timestamp"),
    listed=("name",),
    comparators={"attribute": LISTING, "tag": LIKENESS},
    synonyms={"timestamp": "last_updated_timestamp"},
    quotes=False,
    by_place=True,
)


@dataclass(frozen=True)
class VersionGrammar(RegistryGrammar):
    def checked(self, clause: Clause) -> Clause:
        if clause.comparator in ("IN", "NOT IN") and clause.key == "source_path":
            raise self.unfit_comparator(clause, ())
        return super().checked(clause)


VERSIONS: Final = VersionGrammar(
    prefixes=_TAGGED,
    prefixes_shown=_TAGGED_SHOWN,
    keys=("name", "version_number", "run_id", "source_path"),
    order_keys=("name", "version_number", "creation_timestamp", "last_updated_timestamp"),
    numeric=("version_number", "creation_timestamp", "last_updated_timestamp"),
    listed=("name", "run_id"),
    comparators={"attribute": LISTING, "numeric": NUMERIC, "tag": LIKENESS},
    quotes=False,
    by_place=True,
)


@dataclass(frozen=True)
class EvaluationDatasetGrammar(TaggedGrammar):
    def identified(self, text: str, keys: Collection[str]) -> tuple[str, str]:
        prefix, period, key = text.partition(".")
        if period and prefix != "tags":
            raise invalid(f"Invalid identifier token '{shown(prefix)}' specified")
        if period:
            return "tag", key.strip("`\"'")
        if text not in keys:
            raise invalid(f"Invalid attribute key '{shown(text)}' specified. Valid keys are: {named(keys)}")
        return "attribute", text

    def value(self, kind: str, key: str, comparator: str, token: Token) -> Value:
        value = super().value(kind, key, comparator, token)
        if isinstance(value, tuple) and comparator != "IN":
            raise invalid("List values for 'name' are only supported with the IN comparator.")
        return value

    def unfit_comparator(self, clause: Clause, allowed: Collection[str]) -> Invalid:
        if clause.kind == "tag":
            return invalid(f"Invalid comparator for tag: {clause.comparator}")
        kind = "numeric" if clause.key in self.numeric else "string"
        return invalid(f"Invalid comparator for {kind} attribute: {clause.comparator}")


EVALUATION_DATASETS: Final = EvaluationDatasetGrammar(
    prefixes={"tags": "tag"},
    prefixes_shown="",
    keys=("name", "created_time", "last_update_time", "created_by", "last_updated_by"),
    order_keys=("name", "created_time", "last_update_time"),
    numeric=("created_time", "last_update_time"),
    listed=("name",),
    comparators={"attribute": (*LIKENESS, "IN"), "numeric": NUMERIC, "tag": LIKENESS},
    null_kinds=("tag",),
    folds=False,
    quotes=False,
)
