"""What an import may bring: the same bounds as what clients log, a little wider where older servers were. Everything is
Invalid that does not hold to them, with the path of the field."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from triops.kernel.errors import Invalid
from triops.kernel.run import MetricPoints, RunStatus, Stage
from triops.kernel.trace import Trace
from triops.kernel.transfer import (
    MovedDataset,
    MovedExample,
    MovedExperiment,
    MovedLoggedModel,
    MovedModel,
    MovedRun,
    MovedScorer,
    MovedWebhook,
)
from triops.kernel.version import STAGES, STATUSES
from triops.ledger.imports.logged_models import STATUSES as MODEL_STATUSES
from triops.lenses.mlops.registry.names import settable_alias

POINTS = 25_000  # of one request
_RUN = re.compile(r"[A-Za-z0-9][\w-]{0,63}", re.ASCII)
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_MODEL = re.compile(r"m-[\w-]{1,62}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}")
_ALIAS = re.compile(r"[\w.-]{1,255}")
_KEY, _TEXT, _NAME, _URI = 500, 100_000, 1000, 4000
_MANY = 20_000  # params, tags, ... of one thing
_DOCUMENT = 16 << 20


def check_experiment(moved: MovedExperiment) -> None:
    if not _NUMBER.fullmatch(moved.id):
        raise Invalid("not an experiment's id", field="id", got=moved.id, expected="a whole number")
    _text("name", moved.name, _NAME, empty=False)
    _one_of("stage", moved.stage, list(Stage))
    _times(moved.created_ms, moved.updated_ms)
    _pairs("tags", moved.tags)


def check_run(moved: MovedRun) -> None:
    _id("id", moved.id, _RUN)
    _text("name", moved.name, _NAME)
    _text("user", moved.user, _NAME)
    _one_of("status", moved.status, list(RunStatus))
    _one_of("stage", moved.stage, list(Stage))
    _times(moved.start_ms, moved.end_ms or 0)
    _pairs("params", moved.params)
    _pairs("tags", moved.tags)
    _few("inputs", moved.inputs)
    for one in moved.inputs:
        for field in ("name", "digest", "source_type"):
            _text(f"inputs.{field}", getattr(one, field), _NAME)
        for document in (one.source, one.schema or "", one.profile or ""):
            _text("inputs", document, _DOCUMENT)
        _pairs("inputs.tags", one.tags)
    _few("links", moved.links)
    for link in moved.links:
        _id("links.model_id", link.model_id, _MODEL)
        _one_of("links.role", link.role, ["input", "output"])
        _times(link.step)


def check_logged_model(moved: MovedLoggedModel) -> None:
    _id("id", moved.id, _MODEL)
    _text("name", moved.name, _NAME, empty=False)
    _text("model_type", moved.model_type, _NAME)
    _text("status_message", moved.status_message, _TEXT)
    _one_of("status", moved.status, list(MODEL_STATUSES))
    _one_of("stage", moved.stage, list(Stage))
    if moved.run:
        _id("run", moved.run, _RUN)
    _times(moved.created_ms, moved.updated_ms)
    _pairs("params", moved.params)
    _pairs("tags", moved.tags)
    _few("metrics", moved.metrics)
    for metric in moved.metrics:
        _text("metrics.key", metric.key, _KEY, empty=False)
        number(metric.value, "metrics.value")
        _times(metric.time_ms, metric.step)
        if metric.run:
            _id("metrics.run", metric.run, _RUN)
        for text in (metric.dataset_name, metric.dataset_digest):
            _text("metrics.dataset", text, _NAME)


def check_model(moved: MovedModel) -> None:
    _text("name", moved.name, _NAME, empty=False)
    if "/" in moved.name or ":" in moved.name or not moved.name.isprintable():
        raise Invalid("a model's name has no slash, colon or control character", field="name", got=moved.name)
    _text("description", moved.description, _TEXT)
    _times(moved.created_ms, moved.updated_ms)
    _pairs("tags", moved.tags)
    _few("versions", moved.versions)
    _few("aliases", list(moved.aliases))
    for alias, version in moved.aliases.items():
        _id("aliases", alias, _ALIAS)
        settable_alias(alias)
        _number("aliases", version)
    for one in moved.versions:
        _number("versions.version", one.version)
        _one_of("versions.stage", one.stage, STAGES)
        _one_of("versions.status", one.status, STATUSES)
        _text("versions.status_message", one.status_message, _TEXT)
        if one.run:
            _id("versions.run", one.run, _RUN)
        for field in ("source", "storage_location", "run_link"):
            _location(f"versions.{field}", getattr(one, field))
        _text("versions.user", one.user, _NAME)
        _text("versions.description", one.description, _TEXT)
        _times(one.created_ms, one.updated_ms)
        _pairs("versions.tags", one.tags)


def check_trace(said: Trace) -> None:
    _times(said.request_ms, said.duration_ms or 0)
    for text in (said.client_request_id, said.request_preview, said.response_preview):
        _text("trace", text or "", _TEXT)
    _pairs("tags", said.tags)
    _pairs("metadata", said.metadata)
    _few("assessments", said.assessments)
    for one in said.assessments:
        _id("assessments.id", one.id, _ID)
        _text("assessments.name", one.name, _KEY)
        for text in (one.source_id, one.span_id, one.overrides):
            _text("assessments", text, _NAME)
        _text("assessments.rationale", one.rationale, _DOCUMENT)
        _times(one.created_ms, one.updated_ms)
        _pairs("assessments.metadata", one.metadata)


def check_dataset(moved: MovedDataset) -> None:
    _id("id", moved.id, _ID)
    _text("name", moved.name, _NAME, empty=False)
    for text in (moved.digest, moved.created_by or "", moved.updated_by or ""):
        _text("dataset", text, _NAME)
    for field, document in (("schema", moved.schema), ("profile", moved.profile)):
        _json(field, document)
    _times(moved.created_ms, moved.updated_ms)
    _pairs("tags", moved.tags)
    _few("experiments", moved.experiments)
    for id in moved.experiments:
        experiment_number(id)


def check_example(moved: MovedExample) -> None:
    _id("examples.id", moved.id, _ID)
    _json("examples.inputs", moved.inputs, dict)
    for field in ("expectations", "tags", "source"):
        _json(f"examples.{field}", getattr(moved, field), dict)
    if moved.source is not None and not isinstance(json.loads(moved.source).get("source_data"), dict):
        raise Invalid("not a source", field="examples.source")
    if moved.source is not None and not isinstance(json.loads(moved.source).get("source_type"), str):
        raise Invalid("not a source", field="examples.source")
    _json("examples.outputs", moved.outputs)
    for text in (moved.created_by or "", moved.updated_by or ""):
        _text("examples", text, _NAME)
    _times(moved.created_ms, moved.updated_ms)


def check_scorer(moved: MovedScorer) -> None:
    _id("id", moved.id, _ID)
    _text("name", moved.name, _NAME, empty=False)
    _few("versions", moved.versions)
    for one in moved.versions:
        _number("versions.version", one.version)
        _text("versions.serialized", one.serialized, _DOCUMENT)
        _times(one.created_ms)


def check_webhook(moved: MovedWebhook) -> None:
    """What is left over by the check that every new webhook passes."""
    _id("id", moved.id, _ID)
    _times(moved.created_ms, moved.updated_ms)


def experiment_number(value: Any) -> int:
    """An experiment's id as this server answered it. Raises: Invalid."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 and int(value) < 1 << 63:
        return int(value)
    raise Invalid("not an experiment's id", field="to", got=value)


def points_of(columns: Mapping[str, Any]) -> MetricPoints:
    """Columns of JSON as points. Raises: Invalid."""
    keys, index = _column(columns, "keys"), _column(columns, "key")
    value, time_ms, step = (_column(columns, name) for name in ("value", "time_ms", "step"))
    if not len(index) == len(value) == len(time_ms) == len(step):
        raise Invalid("not columns of equal length", field="points")
    for key in keys:
        _text("points.keys", key, _KEY, empty=False)
    if len(set(keys)) != len(keys):
        raise Invalid("a key twice", field="points.keys")
    numbers = np.array([number(one, "points.value") for one in value], np.float64)
    of = _integers("points.key", index)
    if len(of) and not (of.min() >= 0 and of.max() < len(keys)):
        raise Invalid("an index of no key", field="points.key")
    return MetricPoints(
        keys,
        of.astype(np.uint32),
        _integers("points.time_ms", time_ms),
        _integers("points.step", step),
        numbers,
    )


def _column(columns: Mapping[str, Any], name: str) -> list[Any]:
    column = columns.get(name)
    if not isinstance(column, list) or len(column) > POINTS:
        raise Invalid("not a column", field=f"points.{name}", expected=f"a list of at most {POINTS}")
    return column


def number(value: Any, field: str) -> float:
    """A number, or the text of one (nan, inf)."""
    if isinstance(value, int | float | str) and not isinstance(value, bool) and len(str(value)) < 400:
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise Invalid("not a number", field=field, got=value)


def _integers(field: str, values: list[Any]) -> npt.NDArray[np.int64]:
    if any(type(value) is not int for value in values):
        raise Invalid("not whole numbers", field=field)
    try:
        return np.array(values, np.int64)
    except OverflowError:
        raise Invalid("a number that does not fit 64 bits", field=field) from None


def _text(field: str, value: Any, most: int, *, empty: bool = True) -> None:
    if not isinstance(value, str) or len(value) > most or not (value or empty):
        raise Invalid("not a text of this length", field=field, got=value, expected=f"at most {most} characters")


def _json(field: str, text: str | None, kind: type = object) -> None:
    if text is None:
        return
    _text(field, text, _DOCUMENT)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("not JSON", field=field) from None
    if not isinstance(value, kind):
        raise Invalid("not an object", field=field)


def _location(field: str, value: str) -> None:
    _text(field, value, _URI)
    if not value.isprintable():
        raise Invalid("control characters in a location", field=field, got=value)


def _id(field: str, value: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(value):
        raise Invalid("not an id", field=field, got=value, expected=pattern.pattern)


def _one_of(field: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise Invalid("unknown", field=field, got=value, expected=", ".join(known))


def _number(field: str, value: int) -> None:
    if not 0 < value < 1 << 31:
        raise Invalid("not a version", field=field, got=value, expected="1 to 2,147,483,647")


def _times(*values: int) -> None:
    for value in values:
        if not -(1 << 63) <= value < 1 << 63:
            raise Invalid("a number that does not fit 64 bits", got=value)


def _few(field: str, values: Sequence[Any]) -> None:
    if len(values) > _MANY:
        raise Invalid("too many", field=field, got=len(values), expected=f"at most {_MANY}")


def _pairs(field: str, values: Mapping[str, str]) -> None:
    _few(field, list(values))
    for key, value in values.items():
        _text(field, key, _KEY, empty=False)
        _text(f"{field}.{key[:80]}", value, _TEXT)
