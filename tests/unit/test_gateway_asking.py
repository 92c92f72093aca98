"""What an attempt is sent with, what it is charged where its provider did not say, and how its fault is told."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.gateway import FAST, PRICE, UPSTREAM, ask, project
from triops.adapters.providers.openai import OpenAIProvider
from triops.kernel.completion import Delta
from triops.lenses.llmops.gateway.asking import Asker
from triops.lenses.llmops.gateway.belonging import owner_of
from triops.lenses.llmops.gateway.doing import Asking, Doing
from triops.lenses.llmops.gateway.estimate import Estimators
from triops.lenses.llmops.gateway.faults import failed
from triops.lenses.llmops.gateway.said import Heard
from triops.lenses.llmops.gateway.specs import Caller, ProviderSpec
from triops.ports.providers import Fault
from triops.ports.upstream import Host

PARTS = cast(Any, SimpleNamespace(estimators=Estimators()))
MINE = {"openai-organization": "org-mine", "openai-project": "proj-mine"}


def doing(**asked: Any) -> Doing:
    return Doing(ask(**asked), {}, cast(Any, None), Caller("default"), "full", 0)


@pytest.mark.parametrize(("own", "sent"), [(True, MINE), (False, {})])
def test_a_caller_s_own_account_goes_with_his_own_key_alone(own: bool, sent: dict[str, str]) -> None:
    found = project(UPSTREAM, FAST, PRICE)
    call = doing()
    object.__setattr__(call.ask, "headers", MINE)
    spec = owner_of("sk-mine-0123456789", "gpt-4o", "openai.chat") if own else found.providers["upstream"]
    outgoing = Asker(PARTS)._outgoing(call, found.routes["fast"], spec, "gpt-4o", OpenAIProvider())
    assert {name: value for name, value in outgoing.headers if name in MINE} == sent
    assert len([name for name, _ in outgoing.headers if name == "content-type"]) == 1


@pytest.mark.parametrize(("max_tokens", "cap", "n", "most"), [(3, None, 1, 3), (None, 5, 1, 5), (3, None, 2, 6)])
def test_an_estimate_is_never_above_what_was_reserved(
    max_tokens: int | None, cap: int | None, n: int, most: int
) -> None:
    call = doing(max_tokens=max_tokens, n=n)
    call.ticket = cast(Any, SimpleNamespace(cap=cap))
    call.heard = Heard(10_000)
    call.heard.hear([Delta("text", text="many more words than were allowed " * 20)])
    provider = project(UPSTREAM).providers["upstream"]
    assert Asker(PARTS)._output_tokens(call, Asking(provider, "small-1", 0, None)) == most


def test_who_was_not_asked_is_owed_nothing() -> None:
    call, asking = doing(), Asking(project(UPSTREAM).providers["upstream"], "small-1", 0, None)
    late = Fault("timeout", "no complete answer within 30 s")
    billed = Asker(PARTS)._billed(call, asking, late)
    assert billed is not None
    assert billed.input == 0
    asking.asked = True
    assert Asker(PARTS)._billed(call, asking, late) is None


@pytest.mark.parametrize(
    ("source", "variable", "words"),
    [
        ("set", "", "set it anew: triops provider key up"),
        ("env", "UP_KEY", "the server's environment holds it in UP_KEY"),
        ("missing", "UP_KEY", "the server's environment has no UP_KEY"),
        ("none", "", "its Provider names none: api_key_env, or credential: true"),
    ],
)
def test_a_refused_credential_says_what_to_do_about_it(source: str, variable: str, words: str) -> None:
    spec = ProviderSpec("up", "openai", Host("http", "x", 80), source=source, variable=variable)
    told = failed(Fault("auth", "who?", status=401), spec, frozenset())
    assert (told.status, told.message) == (502, f"up: refused our credential (status 401); {words}")
