"""What names and values of experiments and runs may be, in the words that MLflow's clients and their tests read."""

import json
import re
from collections.abc import Mapping, Sequence
from posixpath import normpath

import numpy as np

from triops.kernel.errors import Invalid
from triops.kernel.run import Dataset, Input, MetricPoints

PARAMS_IN_BATCH = TAGS_IN_BATCH = 100
METRICS_IN_BATCH = 1000
ALL_IN_BATCH = 1000
KEY = 250
PARAM_VALUE = 6000
TAG_VALUE = 8000
LOGGED_MODELS = 1 << 20  # the one tag that grows: the models of a run, logged the older way
EXPERIMENT_NAME = 500
EXPERIMENT_TAG_VALUE = 20_000
VIEW_PREFIX = "mlflow.customView.view"
VIEWS = 50
INPUTS_IN_REQUEST = 1000

_NAME = re.compile(r"[/\w.\- :]*")
# Most names: no part of them could be another's. Several at once are told from each other by NUL, which none has.
_PLAIN = re.compile(r"\w[\w.\- :]*(?:/\w[\w.\- :]*)*")
_ALL_PLAIN = re.compile(r"(?:\w[\w.\- :]*(?:/\w[\w.\- :]*)*\0)*")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")
_CHARACTERS = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and"
    " slashes (/)."
)


def check_name(name: str, path: str) -> None:
    """Of a metric, a param or a tag; `path` says where it came. Raises: Invalid."""
    if _plain(name):
        return
    if not _NAME.fullmatch(name):
        raise invalid_value(path, name, _CHARACTERS)
    resolved = normpath(name)
    if resolved != name or resolved == "." or resolved.startswith(("..", "/")):
        raise invalid_value(
            path,
            name,
            "Names may be treated as files in certain cases, and must not resolve to other names when treated as"
            f" such. This name would resolve to {resolved!r}",
        )


def check_length(what: str, value: str, most: int) -> None:
    """Raises: Invalid."""
    if len(value) > most:
        raise Invalid(f"'{what}' exceeds the maximum length of {most} characters", field=what)


def check_points(points: MetricPoints, path: str = "metrics[{}].") -> None:
    """`path` of a point, with its number. Raises: Invalid."""
    keys = points.keys
    plain = _ALL_PLAIN.fullmatch("\0".join((*keys, ""))) and max(map(len, keys), default=0) <= KEY
    for number, key in enumerate(() if plain else keys):
        if len(key) > KEY or not _plain(key):
            check_name(key, path.format(int(np.argmax(points.key == number))) + "name")
            check_length("Metric name", key, KEY)
    if len(points) and int(points.time_ms.min()) < 0:
        at = int(np.argmax(points.time_ms < 0))
        raise invalid_value(
            path.format(at) + "timestamp",
            int(points.time_ms[at]),
            f"metric '{points.keys[points.key[at]]}' (value={float(points.value[at])}). Timestamp must be a nonnegative"
            " long (64-bit integer) ",
        )


def check_params(params: Mapping[str, str], paths: Sequence[str]) -> dict[str, str]:
    """As they are stored: a value that is too long is cut. Raises: Invalid."""
    for key, path in zip(params, paths, strict=True):
        check_name(key, path)
        check_length("Param key", key, KEY)
    return {key: value if len(value) <= PARAM_VALUE else value[:PARAM_VALUE] for key, value in params.items()}


def check_tag(key: str, value: str, path: str = "") -> str:
    """The value as it is stored: one that is too long is cut. Raises: Invalid."""
    prefix = f"{path}." if path else ""
    check_name(key, f"{prefix}key")
    check_length(f"{prefix}key", key, KEY)
    return value[:TAG_VALUE]


def check_experiment_tag(key: str, value: str) -> None:
    """Raises: Invalid."""
    check_name(key, "key")
    check_length("key", key, KEY)
    check_length("value", value, EXPERIMENT_TAG_VALUE)


def check_experiment_name(name: str) -> None:
    """Raises: Invalid."""
    if not name:
        raise Invalid(f"Invalid experiment name: '{name}'", field="name")
    check_length("name", name, EXPERIMENT_NAME)


def check_run_id(run: str) -> None:
    """Raises: Invalid."""
    if not _RUN_ID.fullmatch(run):
        raise invalid_value("run_id", run)


def check_batch(metrics: int, params: int, tags: int) -> None:
    """Raises: Invalid when a request has more than it may."""
    for what, most, count in (
        ("metrics", METRICS_IN_BATCH, metrics),
        ("params", PARAMS_IN_BATCH, params),
        ("tags", TAGS_IN_BATCH, tags),
        ("metrics, params, and tags", ALL_IN_BATCH, metrics + params + tags),
    ):
        if count > most:
            raise Invalid(
                f"A batch logging request can contain at most {most} {what}. Got {count} {what}. Please split up"
                f" {what} across multiple requests and try again."
            )


def check_inputs(inputs: Sequence[Input]) -> None:
    """Raises: Invalid."""
    for one in inputs:
        _check_dataset(one.dataset)
        for key, value in one.tags.items():
            check_length("key", key, 255)
            check_length("value", value, 500)


def _check_dataset(dataset: Dataset) -> None:
    check_length("name", dataset.name, 500)
    check_length("digest", dataset.digest, 36)
    check_length("source", dataset.source, 65535)
    check_length("schema", dataset.schema or "", 1048575)
    check_length("profile", dataset.profile or "", 16777215)


def _plain(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None


def invalid_value(path: str, value: str | int, why: str = "") -> Invalid:
    shown = json.dumps(value[:500] if isinstance(value, str) else value)
    return Invalid(f"Invalid value {shown} for parameter '{path}' supplied" + (f": {why}" if why else "."), field=path)
