"""A chat in our words as the body of `POST /v1/messages`.

Dropped and named, since they only hint: seed, penalties, logit_bias, names of speakers, `detail` of images, `strict`
tools where the model knows none, earlier reasoning, sampling, effort and thinking where the model does not take them or
they stand in each other's way, a temperature above 1 (which is sent as 1), bounds in schemas (which become words), and
the members of `leaving.HINTS`. Refused: n above 1, log probabilities, audio, and all else that has no word here.

`max_tokens`, which the API wants, is the caller's, else the target's cap, else DEFAULT_MAX_TOKENS. A JSON Schema is
sent as `output_config.format`; an older model, or any JSON without a schema, is asked by a forced tool, whose arguments
are the answer's text.
"""

from typing import Any

from triops.adapters.providers.anthropic_messages import (
    ANSWER,
    begins_unsigned,
    messages_of,
    tool_choice_of,
    tool_of,
)
from triops.adapters.providers.anthropic_models import Traits, traits_of
from triops.adapters.providers.anthropic_schema import closed
from triops.adapters.providers.leaving import leave_out, no_word
from triops.adapters.providers.parts import unsaid
from triops.kernel.completion import Chat
from triops.kernel.errors import Invalid
from triops.ports.providers import Target

DEFAULT_MAX_TOKENS = 8192
_LEAST_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 16384, "xhigh": 32768, "max": 32768}


def body_of(chat: Chat, target: Target, *, same: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body without `stream`, and what was dropped. `same`: the caller speaks Anthropic's dialect, so what has no
    field in a chat is written back as it came. Raises: Invalid."""
    traits = traits_of(target.model)
    dropped = unsaid(chat, strict=traits.schemas)
    if chat.n != 1:
        raise no_word("n", chat.n, "1")
    if chat.logprobs or chat.top_logprobs:
        raise no_word("logprobs", True, "false")
    system, messages = messages_of(chat, dropped, same=same)
    tree: dict[str, Any] = {"model": target.model, "messages": messages}
    if system:
        tree["system"] = system
    tools = [tool_of(tool, dropped, strict=traits.schemas, same=same) for tool in chat.tools]
    if tools:
        tree["tools"] = tools
        if (choice := tool_choice_of(chat)) is not None:
            tree["tool_choice"] = choice
    if chat.stop:
        tree["stop_sequences"] = list(chat.stop)
    if chat.user:
        tree["metadata"] = {"user_id": chat.user}
    _format(chat, traits, tree, dropped, same=same)
    most = chat.max_tokens if chat.max_tokens is not None else target.cap
    _think(chat, traits, tree, most, dropped)
    thinks = tree.get("thinking", {}).get("type") in ("enabled", "adaptive")
    _sample(chat, traits, tree, dropped, thinks=thinks)
    tree["max_tokens"] = DEFAULT_MAX_TOKENS if most is None else most
    if most is None and "thinking" in tree:
        tree["max_tokens"] += tree["thinking"].get("budget_tokens", 0)
    if same:
        _put_back(chat, tree)
    else:
        leave_out(chat.extra, dropped)
    for name in ("seed", "presence_penalty", "frequency_penalty"):
        if getattr(chat, name) is not None:
            dropped.append(name)
    return tree, tuple(dict.fromkeys(dropped))


def _format(chat: Chat, traits: Traits, tree: dict[str, Any], dropped: list[str], *, same: bool) -> None:
    if chat.format is None:
        return
    schema = chat.format.schema
    if schema is not None and traits.schemas:
        fit, moved = (schema, False) if same else closed(schema)
        if moved:
            dropped.append("response_format.schema")
        tree["output_config"] = {"format": {"type": "json_schema", "schema": fit}}
        return
    if chat.tools:
        raise Invalid(
            "this provider cannot have JSON as the answer beside tools",
            field="response_format",
            expected="a JSON Schema",
        )
    said = "The answer, as JSON. Call this once, with the whole answer."
    tree["tools"] = [{"name": ANSWER, "description": said, "input_schema": dict(schema or {"type": "object"})}]
    tree["tool_choice"] = {"type": "tool", "name": ANSWER}


def _think(chat: Chat, traits: Traits, tree: dict[str, Any], most: int | None, dropped: list[str]) -> None:
    effort, budget = chat.reasoning_effort, chat.thinking_tokens
    if effort == "none" and budget is None:
        if traits.restless:  # as little as it can
            tree.setdefault("output_config", {})["effort"] = "low"
            dropped.append("reasoning_effort")
        elif traits.adaptive:
            tree["thinking"] = {"type": "disabled"}
        return
    if effort and traits.efforts:
        known = effort if effort in traits.efforts else "low" if effort == "minimal" else "high"
        tree.setdefault("output_config", {})["effort"] = known
        if known != effort:
            dropped.append("reasoning_effort")
    if not effort and budget is None:
        return
    name = "reasoning_effort" if budget is None else "thinking_tokens"
    forced = tree.get("tool_choice", {}).get("type") in ("any", "tool")
    if traits.adaptive and (budget is None or not traits.budgets) and not forced:
        tree["thinking"] = {"type": "adaptive"}
        if budget is not None:
            dropped.append(name)
        return
    tokens = budget if budget is not None else _BUDGETS.get(effort, _LEAST_BUDGET)
    tokens = max(_LEAST_BUDGET, tokens if most is None else min(tokens, most - 1))
    if not traits.budgets or forced or begins_unsigned(tree["messages"]) or (most is not None and tokens >= most):
        if budget is not None or not traits.efforts:
            dropped.append(name)
        return
    tree["thinking"] = {"type": "enabled", "budget_tokens": tokens}


def _sample(chat: Chat, traits: Traits, tree: dict[str, Any], dropped: list[str], *, thinks: bool) -> None:
    given = {"temperature": chat.temperature, "top_p": chat.top_p, "top_k": chat.top_k}
    for name, value in given.items():
        if value is None:
            continue
        taken = traits.samples and not (thinks and name != "top_p")
        if not taken or (name == "top_p" and traits.one_sample and "temperature" in tree):
            dropped.append(name)
            continue
        if name == "temperature" and value > 1:
            value = 1
            dropped.append(name)
        tree[name] = value


def _put_back(chat: Chat, tree: dict[str, Any]) -> None:
    for name, value in chat.extra.items():
        if name.startswith("tools["):
            place, _, member = name[6:].partition("]")
            if member:
                tree["tools"][int(place)][member[1:]] = value
            else:
                tree.setdefault("tools", []).insert(int(place), value)  # in the order of their places
        elif name == "output_config":
            tree[name] = {**value, **tree.get(name, {})}
        else:
            tree[name] = value
