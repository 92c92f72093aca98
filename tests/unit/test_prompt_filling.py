"""A prompt asked for by name in a gateway's call: its messages, its settings, its version."""

import subprocess
import sys
from typing import Any

import pytest

from triops.kernel.completion import Chat, Format, Message, Part, PromptRef
from triops.kernel.errors import Invalid, NotFound
from triops.kernel.prompts.sharing import pick_of
from triops.kernel.prompts.spec import spec_of
from triops.lenses.llmops.prompts.filling import Held, chosen, fill, held

SYSTEM = {
    "messages": [{"role": "system", "content": "Help {{shop}}."}],
    "model": "fast",
    "settings": {"temperature": 0.2},
}
LONG = {"messages": [{"role": "system", "content": "Long, {{shop}}."}], "settings": {"temperature": 0.9, "my_own": 1}}


def told(*versions: dict[str, Any], labels: dict[str, int], shares: dict[str, Any] | None = None) -> dict[str, Held]:
    specs = {str(at): spec_of(raw).content_json() for at, raw in enumerate(versions, 1)}
    return held({"support": {"labels": labels, "shares": shares or {}, "versions": specs}})


PROMPTS = told(SYSTEM, LONG, labels={"production": 1, "latest": 2}, shares={"trial": {"1": 50, "2": 50}})
HELLO = Chat((Message("user", (Part("text", "hello"),)),))


def test_the_prompts_messages_come_first_and_its_settings_are_defaults() -> None:
    ref = PromptRef("support", variables={"shop": "Ada's"})
    made, version, label = fill(PROMPTS, ref, HELLO, 0.0)
    assert [(m.role, m.text) for m in made.messages] == [("system", "Help Ada's."), ("user", "hello")]
    assert (version, label, made.temperature) == (1, "production", 0.2)
    assert chosen(PROMPTS, ref, 0.0) == (1, "production", "fast")
    own = Chat(HELLO.messages, temperature=1.0)
    assert fill(PROMPTS, ref, own, 0.0)[0].temperature == 1.0
    assert fill(PROMPTS, PromptRef("support", 2, variables={"shop": ""}), HELLO, 0.0)[1:] == (2, "")


def test_a_shared_label_keeps_a_session_on_its_version() -> None:
    ref = PromptRef("support", label="trial", variables={"shop": ""})
    picks = {session: pick_of("support", session) for session in "abcdefgh"}
    got = {session: {fill(PROMPTS, ref, HELLO, pick)[1] for _ in range(3)} for session, pick in picks.items()}
    assert all(len(versions) == 1 for versions in got.values())
    assert set.union(*got.values()) == {1, 2}


def test_every_setting_that_a_call_has_a_word_for() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "title": "Answer"}
    settings = {"max_tokens": 9, "stop": ["x"], "seed": 3, "top_k": 5, "reasoning_effort": "low"}
    settings["response_format"] = schema
    prompts = told({"text": "Say {{x}}", "settings": settings}, labels={"production": 1})
    made = fill(prompts, PromptRef("support", variables={"x": "1"}), Chat(()), 0.0)[0]
    assert made.messages == (Message("user", (Part("text", "Say 1"),)),)  # the caller says nothing himself
    assert (made.max_tokens, made.stop, made.seed, made.top_k, made.reasoning_effort) == (9, ("x",), 3, 5, "low")
    assert made.format == Format(schema, "Answer")
    assert fill(prompts, PromptRef("support", variables={"x": ""}), HELLO, 0.0)[0].messages[0].role == "system"


def test_messages_given_for_a_placeholder_become_parts_of_the_call() -> None:
    lines = [{"role": "placeholder", "content": "{{history}}"}]
    image = {"url": "data:image/png;base64,AA=="}
    call = {"id": "c1", "function": {"name": "f", "arguments": "{}"}}
    history = [
        {"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": image}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ]
    prompts = told({"messages": lines}, labels={"production": 1})
    made = fill(prompts, PromptRef("support", variables={"history": history}), Chat(()), 0.0)[0].messages
    assert made[0].parts == (Part("text", "see"), Part("image", data="AA==", media_type="image/png"))
    assert made[1].parts == (Part("tool_call", "{}", id="c1", name="f"),)
    assert made[2].parts == (Part("tool_result", id="c1", parts=(Part("text", "done"),)),)
    with pytest.raises(Invalid, match="not a role"):
        fill(prompts, PromptRef("support", variables={"history": [{"role": "robot"}]}), Chat(()), 0.0)


def test_what_cannot_be_filled_says_why() -> None:
    with pytest.raises(NotFound, match="no prompt is named nope; prompts: support"):
        fill(PROMPTS, PromptRef("nope"), HELLO, 0.0)
    with pytest.raises(NotFound, match="no label beta; labels: latest, production"):
        fill(PROMPTS, PromptRef("support", label="beta"), HELLO, 0.0)
    with pytest.raises(NotFound, match="no version 9"):
        fill(PROMPTS, PromptRef("support", 9), HELLO, 0.0)
    with pytest.raises(Invalid, match="not both"):
        fill(PROMPTS, PromptRef("support", 1, "production"), HELLO, 0.0)
    with pytest.raises(Invalid, match="support: missing variable: shop") as caught:
        fill(PROMPTS, PromptRef("support"), HELLO, 0.0)
    assert caught.value.details["field"] == "prompt.variables.shop"


def test_the_gateways_process_loads_nothing_heavy_for_it() -> None:
    heavy = ("jinja2", "sqlalchemy", "pydantic", "httpx", "fastapi")
    program = f"import sys, triops.lenses.llmops.prompts.filling; print([m for m in {heavy} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
