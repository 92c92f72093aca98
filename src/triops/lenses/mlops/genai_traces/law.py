"""What tags, names and metadata of traces must be, in the words that clients of traces know."""

import posixpath
import re
from collections.abc import Mapping

from triops.kernel.errors import Invalid
from triops.kernel.trace import ARTIFACTS_TAG, COST, NAME_TAG, SESSION, SPANS_TAG, USAGE
from triops.ledger.traces.usage import cost_text, tokens_text

_KEY, _VALUE, _NAME, _SESSION, _ID = 250, 8000, 4096, 250, 250
_NAMES = re.compile(r"[/\w.\- :]*")
_IDS = re.compile(r"[A-Za-z0-9_.:\-]+")  # its artifacts lie in a folder of this name
_PER_TRACE = 1000  # tags, metadata
_OURS = (SPANS_TAG, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure")
_DELETABLE = "mlflow.trace.archivalFailure"


def tag(key: str, value: str) -> tuple[str, str]:
    """A long value is cut. Raises: Invalid."""
    if not _NAMES.fullmatch(key):
        raise Invalid(
            f"Invalid value \"{key}\" for parameter 'key' supplied: Names may only contain alphanumerics, underscores "
            "(_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).",
            field="key",
        )
    path = posixpath.normpath(key)
    if path != key or path == "." or path.startswith(("..", "/")):
        raise Invalid(
            f"Invalid value \"{key}\" for parameter 'key' supplied: Names may be treated as files in certain cases, "
            f"and must not resolve to other names when treated as such. This name would resolve to {path!r}",
            field="key",
        )
    _within("key", key, _KEY)
    if key == NAME_TAG:
        _within("Trace name", value, _NAME)
    return key, value[:_VALUE]


def settable(key: str) -> None:
    """Raises: Invalid for tags that say where a trace's spans are."""
    if key in _OURS:
        raise Invalid(f"Tag '{key}' is immutable and cannot be set on a trace.", field="key")


def deletable(key: str) -> None:
    if key in _OURS and key != _DELETABLE:
        raise Invalid(f"Tag '{key}' is immutable and cannot be deleted on a trace.", field="key")


def trace_id(id: str) -> str:
    if not id:
        raise Invalid("Missing value for required parameter 'trace_id'.", field="trace_id")
    _within("trace_id", id, _ID)
    if not _IDS.fullmatch(id) or not id.strip("."):
        raise Invalid(
            f"Invalid trace ID '{id}': it may only contain alphanumerics, underscores, dashes, periods and colons.",
            field="trace_id",
        )
    return id


def session(id: str) -> str:
    _within("Session ID", id, _SESSION)
    return id


def said_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """As a client says them with its trace: its own word for where artifacts and spans are does not count."""
    if len(tags) > _PER_TRACE:
        raise Invalid(f"A trace can have at most {_PER_TRACE} tags. Got {len(tags)}.", field="tags")
    _within("Trace name", tags.get(NAME_TAG, ""), _NAME)
    return {key: value for key, value in tags.items() if key not in (ARTIFACTS_TAG, SPANS_TAG)}


def said_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Tokens and costs in one form."""
    if len(metadata) > _PER_TRACE:
        raise Invalid(f"A trace can have at most {_PER_TRACE} metadata. Got {len(metadata)}.", field="trace_metadata")
    kept = dict(metadata)
    if SESSION in kept:
        session(kept[SESSION])
    for key, form in ((USAGE, tokens_text), (COST, cost_text)):
        if key in kept:
            text = form(kept.pop(key))
            if text is not None:
                kept[key] = text
    return kept


def _within(what: str, value: str, most: int) -> None:
    if len(value) > most:
        raise Invalid(f"'{what}' exceeds the maximum length of {most} characters", field=what)
