"""What a span says, whichever convention it speaks: its type, what came in and went out, tokens and costs, who asked.

A value that a sender wrote as a JSON text of an object, a list or a text counts as what it is (senders encode once too
often); JSON texts are in Python's own form, which previews and filters of clients expect.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from triops.kernel.genai.conventions import CONVENTIONS, Convention

TYPE, INPUTS, OUTPUTS = "mlflow.spanType", "mlflow.spanInputs", "mlflow.spanOutputs"
USED, PAID = "mlflow.chat.tokenUsage", "mlflow.llm.cost"
MODEL, PROVIDER = "mlflow.llm.model", "mlflow.llm.provider"
TOOLS = "mlflow.chat.tools"
_SESSIONS = ("session.id", "gen_ai.conversation.id")
_USER = "user.id"
_UNKNOWN = "UNKNOWN"
_DEPTH = 32  # JSON in a text that is nested deeper stays a text

Get = Callable[[str], Any]  # an attribute's value by its name, None where there is none


def opened(value: Any) -> Any:
    """A text that is JSON of a text, an object or a list as that."""
    if isinstance(value, str) and value[:1] in ('"', "{", "["):
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return value
        if isinstance(inner, str | dict | list) and _within(inner, _DEPTH):
            return inner
    return value


def _within(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_within(one, depth - 1) for one in inner)


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def text_of(raw: Any) -> str:
    """JSON of an attribute as it was sent; one that came as JSON stays as it was written."""
    return raw if isinstance(raw, str) and opened(raw) is not raw else text(raw)


def span_type(get: Get) -> str | None:
    own = opened(get(TYPE))
    if own not in (None, _UNKNOWN):
        return str(own)
    for convention in CONVENTIONS:
        if convention.kind and (kind := opened(get(convention.kind))):
            mapped = (convention.kinds or {}).get(kind) if isinstance(kind, str) else None
            if mapped:
                return mapped
        for name, type_ in (convention.marks or {}).items():
            if get(name) is not None:
                return type_
    return None if own is None else str(own)


def inputs(get: Get) -> Any:
    """As it was sent."""
    return _said(get, INPUTS, lambda convention: convention.inputs)


def outputs(get: Get) -> Any:
    return _said(get, OUTPUTS, lambda convention: convention.outputs)


def model(get: Get) -> Any:
    found = opened(_said(get, MODEL, lambda convention: convention.models))
    for whole in (inputs, outputs) if found is None else ():
        said = opened(whole(get))
        if isinstance(said, dict) and isinstance(said.get("model"), str) and said["model"]:
            return said["model"]
    return found


def provider(get: Get) -> Any:
    return opened(_said(get, PROVIDER, lambda convention: (convention.provider,) if convention.provider else ()))


def tools(get: Get) -> Any:
    """What a model was told that it may call."""
    return _said(get, TOOLS, lambda convention: convention.tools)


def usage(get: Get) -> Mapping[str, Any] | None:
    own = opened(get(USED))
    if own is not None:
        return own if isinstance(own, dict) else None
    for convention in CONVENTIONS:
        if convention.input_tokens and (found := _tokens(get, convention)):
            return found
    return None


def cost(get: Get) -> Mapping[str, Any] | None:
    own = opened(get(PAID))
    return own if isinstance(own, dict) else None


def session(get: Get) -> str | None:
    return next((str(found) for name in _SESSIONS if (found := opened(get(name)))), None)


def user(get: Get) -> str | None:
    found = opened(get(_USER))
    return str(found) if found else None


_READ: tuple[tuple[str, Callable[[Get], Any]], ...] = (
    (INPUTS, inputs),
    (OUTPUTS, outputs),
    (USED, usage),
    (MODEL, model),
    (PROVIDER, provider),
    (TOOLS, tools),
)


def translated(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """All attributes of a span, and with them, in MLflow's names, what it says in another convention."""
    get = attributes.get
    result = {key: opened(value) for key, value in attributes.items()}
    if (type_ := span_type(get)) is not None:
        result[TYPE] = type_
    for name, read in _READ:
        if name not in result and (said := opened(read(get))) is not None:
            result[name] = said
    return result


def texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    """The same as JSON texts, each as it was written where it came as one."""
    sent = {**attributes, INPUTS: inputs(attributes.get), OUTPUTS: outputs(attributes.get)}
    return {
        key: text_of(sent[key]) if key != TYPE and key in sent and sent[key] is not None else text(value)
        for key, value in translated(attributes).items()
    }


def _said(get: Get, own: str, names: Callable[[Convention], Iterable[str]]) -> Any:
    if (value := get(own)) is not None:
        return value
    for convention in CONVENTIONS:
        for name in names(convention):
            if (value := get(name)) is not None and opened(value) not in ("", {}, [], "null"):
                return value
    return None


def _tokens(get: Get, convention: Convention) -> dict[str, int] | None:
    sent, made = _count(get(convention.input_tokens)), _count(get(convention.output_tokens))
    total = _count(get(convention.total_tokens)) if convention.total_tokens else None
    if total is None and sent is not None and made is not None:
        total = sent + made
    if sent is None and made is None and total is None:
        return None
    said = {
        "input_tokens": sent,
        "output_tokens": made,
        "total_tokens": total,
        "cache_read_input_tokens": _first(get, convention.cache_read),
        "cache_creation_input_tokens": _first(get, convention.cache_created),
    }
    return {key: count for key, count in said.items() if count is not None}


def _first(get: Get, names: Iterable[str]) -> int | None:
    return next((count for name in names if (count := _count(get(name))) is not None), None)


def _count(value: Any) -> int | None:
    value = opened(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return None
