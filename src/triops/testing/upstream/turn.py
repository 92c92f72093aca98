"""One turn of the loopback provider's model, whatever the words it was asked in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from triops.testing.upstream.openai_chat import Said, arguments_of
from triops.testing.upstream.orders import Orders
from triops.testing.upstream.speech import instance, spoken, words


@dataclass(frozen=True, slots=True)
class Turn:
    """`tools`: names and schemas. `must`: a tool has to be called, "" or its name, None where none has to. `answered`:
    the last thing said was a tool's result. `schema`: of the answer, {} for any JSON."""

    last: str
    tools: Sequence[tuple[str, Mapping[str, Any]]] = ()
    may: bool = True
    must: str | None = None
    answered: bool = False
    schema: Mapping[str, Any] | None = None
    most: int | None = None
    stop: Sequence[str] = ()


def said_of(turn: Turn, orders: Orders) -> Said:
    """`finish` in OpenAI's words."""
    thoughts = tuple(words(orders.think))
    if orders.refuse:
        return Said(["I ", "cannot ", "help ", "with ", "that."], "refusal", refused=True, thoughts=thoughts)
    if turn.tools and turn.may and orders.calls and (not turn.answered or turn.must is not None):
        tools = [tool for tool in turn.tools if not turn.must or tool[0] == turn.must]
        called = [tools[i % len(tools)] for i in range(max(1, orders.calls))] if tools else []
        return Said([], "tool_calls", calls=tuple((name, arguments_of(schema)) for name, schema in called))
    if turn.schema is not None:
        text = orjson.dumps(instance(turn.schema) if turn.schema else {"answer": "seven"}).decode()
        return Said([text[i : i + 8] for i in range(0, len(text), 8)], "stop", thoughts=thoughts)
    pieces, finish = spoken(orders, turn.last, turn.most, turn.stop)
    looked = turn.last if orders.search else ""
    return Said(pieces, orders.finish or finish, thoughts=thoughts, looked=looked, images=orders.images)
