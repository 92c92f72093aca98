"""Who calls, what a model's name means for him, and in which order it is tried."""

from dataclasses import replace
from random import Random

import pytest

from tests.unit.gateway import FAST, NOON, PRICE, UPSTREAM, config, project, secret_hash, snapshot
from triops.kernel.errors import Forbidden, NotFound, ProviderFailed, Unauthenticated
from triops.lenses.llmops.gateway.belonging import owner_of
from triops.lenses.llmops.gateway.callers import find, recorded
from triops.lenses.llmops.gateway.config import Config, ProjectConfig, configured
from triops.lenses.llmops.gateway.faults import failed, masked
from triops.lenses.llmops.gateway.router import Pick, Router, next_may_answer
from triops.lenses.llmops.gateway.routing import resolve, served
from triops.lenses.llmops.gateway.specs import Caller
from triops.ports.providers import Fault

SECRET = "trg_" + "s" * 43
BOT = "kind: Key\nname: bot\nspec: {application: support, team: care, routes: [fast]}"
OTHER = 'kind: Provider\nname: other\nspec: {dialect: anthropic, base_url: "https://other.example", models: [big-1]}'
ANYONE = Caller("default")


def keyed(config: Config) -> Caller:
    return find(config, f"Bearer {SECRET}", "", NOON)


# Who calls


def test_a_gateway_key_says_who_calls() -> None:
    caller = keyed(config(UPSTREAM, BOT, secrets={SECRET: "bot"}))
    assert (caller.project, caller.key, caller.application, caller.team) == ("default", "bot", "support", "care")
    by_header = find(config(UPSTREAM, BOT, secrets={SECRET: "bot"}), "", SECRET, NOON)
    assert by_header.key == "bot"


def test_an_api_key_of_triops_may_call_where_it_may_send() -> None:
    keys = {
        secret_hash("tri_a"): {"project": "default", "role": "editor", "name": "ci", "expires_at": None},
        secret_hash("tri_b"): {"project": "default", "role": "viewer", "name": "eye", "expires_at": None},
        secret_hash("tri_c"): {"project": "other", "role": "ingest", "name": "old", "expires_at": NOON},
    }
    found = config(UPSTREAM, triops_keys=keys)
    assert find(found, "bearer tri_a", "", NOON).key == "api:ci"
    with pytest.raises(Forbidden, match="viewer"):
        find(found, "Bearer tri_b", "", NOON)
    assert find(found, "Bearer tri_c", "", NOON - 1).project == "other"
    with pytest.raises(Unauthenticated, match="expired"):
        find(found, "Bearer tri_c", "", NOON)


@pytest.mark.parametrize(
    ("authorization", "x_api_key"), [("", ""), ("Bearer sk-x", ""), ("", "trg_no"), ("Basic eDp5", "")]
)
@pytest.mark.parametrize("open", [True, False])
def test_without_a_key_nobody_calls_once_there_are_keys(authorization: str, x_api_key: str, open: bool) -> None:
    with pytest.raises(Unauthenticated) as error:
        find(config(UPSTREAM, BOT, open=open), authorization, x_api_key, NOON)
    assert "sk-x" not in error.value.message


def test_an_open_gateway_takes_anyone_and_a_wrong_key_of_ours_is_still_wrong() -> None:
    found = config(UPSTREAM, open=True)
    assert find(found, "", "", NOON) == ANYONE
    assert find(found, "Bearer whatever", "", NOON) == ANYONE  # clients insist on a key
    with pytest.raises(Unauthenticated):
        find(found, "Bearer trg_wrong", "", NOON)


def test_a_key_ends_with_its_document() -> None:
    until = 'kind: Key\nname: bot\nspec: {expires: "2026-11-20"}'
    with pytest.raises(Unauthenticated, match="expired"):
        keyed(config(until, secrets={SECRET: "bot"}))
    with pytest.raises(Forbidden, match="kind Key"):
        keyed(config(UPSTREAM, secrets={SECRET: "bot"}))


def test_a_callers_own_provider_key_is_shown_nowhere() -> None:
    caller = find(config(open=True), "Bearer sk-ant-mine-0123456789", "", NOON)
    assert caller.passthrough_credential == "sk-ant-mine-0123456789"
    route = resolve(config(open=True).projects["default"], caller, "claude-x", "openai.chat")
    assert "mine" not in repr(caller) + repr(route)


def test_the_strictest_record_counts() -> None:
    assert recorded("", "", default="full") == "full"
    assert recorded("metadata", "full") == "metadata"
    assert recorded("full", "none", default="metadata") == "none"


# What a name means


def test_routes_by_name_and_alias() -> None:
    found = project(UPSTREAM, FAST.replace("spec: {", "spec: {aliases: [gpt-4o-mini], "))
    assert resolve(found, ANYONE, "fast") is resolve(found, ANYONE, "gpt-4o-mini")


def test_with_one_provider_any_name_passes_through() -> None:
    route = resolve(project(UPSTREAM), ANYONE, "meta/llama-3")
    assert [(one.provider, one.model) for one in route.targets] == [("upstream", "meta/llama-3")]
    assert (route.name, route.passed) == ("", True)
    assert resolve(project(UPSTREAM), ANYONE, "upstream/small-1").targets[0].model == "small-1"


def test_with_several_providers_a_name_says_which() -> None:
    found = project(UPSTREAM, OTHER, FAST)
    assert resolve(found, ANYONE, "other/x").targets[0].provider == "other"
    assert resolve(found, ANYONE, "big-1").targets[0].provider == "other"  # only it lists the name
    with pytest.raises(NotFound, match="it may be: fast, other/big-1, or PROVIDER/MODEL"):
        resolve(found, ANYONE, "nothing")


def test_a_key_uses_its_routes_only() -> None:
    found = project(UPSTREAM, FAST, FAST.replace("name: fast", "name: slow"), BOT)
    caller = Caller("default", "bot", spec=found.keys["bot"])
    assert resolve(found, caller, "fast").name == "fast"
    for name in ("slow", "small-1", "upstream/small-1"):
        with pytest.raises(Forbidden, match=r"it may be: fast$"):
            resolve(found, caller, name)
    assert list(served(found, caller)) == [("fast", "upstream", 0)]
    loose = project(UPSTREAM, FAST, BOT.replace("routes:", "allow_passthrough: true, routes:"))
    assert resolve(loose, Caller("default", "bot", spec=loose.keys["bot"]), "small-1").passed


def test_a_key_is_answered_by_its_models_only() -> None:
    key = 'kind: Key\nname: bot\nspec: {models: ["small-*", "local/*"]}'
    two = "{provider: upstream, model: small-1}, {provider: upstream, model: big}"
    route = f"kind: Route\nname: mix\nspec: {{targets: [{two}]}}"
    found = project(
        UPSTREAM,
        route,
        FAST,
        key,
        FAST.replace("name: fast", "name: dear").replace("small-1", "big").replace("local", "upstream"),
    )
    caller = Caller("default", "bot", spec=found.keys["bot"])
    assert resolve(found, caller, "fast") is found.routes["fast"]
    mixed = resolve(found, caller, "mix")
    assert [one.model for one in mixed.targets] == ["small-1"]
    assert mixed.variant
    for name in ("dear", "big"):
        with pytest.raises(Forbidden):
            resolve(found, caller, name)
    assert resolve(found, caller, "small-9").passed
    assert {name for name, _, _ in served(found, caller)} == {"mix", "fast"}


@pytest.mark.parametrize(
    ("credential", "model", "dialect", "provider"),
    [
        ("sk-proj-0123456789", "gpt-5", "openai.chat", "openai"),
        ("sk-0123456789", "claude-5", "openai.chat", "anthropic"),
        ("sk-ant-0123456789", "gpt-5", "openai.chat", "anthropic"),  # never another's key to anybody
        ("AIza0123456789", "x", "openai.chat", "gemini"),
        ("k-0123456789", "x", "anthropic.messages", "anthropic"),
        ("k-0123456789", "mistral-large", "openai.chat", "mistral"),
        ("dummy", "gpt-5", "openai.chat", "local"),
        ("", "gpt-5", "openai.chat", "local"),
    ],
)
def test_with_no_provider_the_callers_own_key_says_who_answers(
    credential: str, model: str, dialect: str, provider: str
) -> None:
    found = config(open=True)
    caller = find(found, f"Bearer {credential}" if credential else "", "", NOON)
    (target,) = resolve(found.projects["default"], caller, model, dialect).targets
    assert target.spec is not None
    assert target.provider == provider
    assert target.spec.credential == ("" if provider == "local" else credential)


def test_with_no_provider_the_models_that_run_here_are_told() -> None:
    assert list(served(project(), ANYONE)) == [("smollm2", "local", 0), ("all-minilm-l6-v2", "local", 0)]
    assert list(served(project(local=False), ANYONE)) == []
    embeddings = resolve(project(), ANYONE, "text-embedding-3-small", "openai.embeddings")
    assert embeddings.targets[0].model == "all-minilm-l6-v2"


def test_with_nothing_at_all_the_error_shows_what_to_apply() -> None:
    found = project(local=False)
    with pytest.raises(NotFound, match=r"kind: Provider\nname: openai"):
        resolve(found, ANYONE, "gpt-5")


# In which order


class Tries:
    """Reads a plan as the service does: each pick is started, and ended as told."""

    def __init__(self, router: Router, project: ProjectConfig, seed: int = 1, now: float = NOON) -> None:
        self.router, self.project, self.rng, self.now = router, project, Random(seed), now

    def call(self, route: str, bad: set[str], fault: str = "server", ms: float = 10.0) -> list[Pick]:
        """Models in `bad` fail. Answers whom was asked."""
        asked = []
        for pick in self.router.plan(self.project, self.project.routes[route], self.rng, lambda: self.now):
            asked.append(pick)
            self.router.started(pick, self.now)
            failed = pick.model in bad
            self.router.ended(pick, self.now, ms, fault if failed else "")
            if not failed or not next_may_answer(fault):
                break
        return asked


def models(picks: list[Pick]) -> list[str]:
    return [pick.model for pick in picks]


CHAIN = """
kind: Route
name: chain
spec:
  targets: [{provider: upstream, model: a, weight: 3}, {provider: upstream, model: b}]
  fallbacks: [{provider: upstream, model: c}, {provider: local, model: d}]
  retries: 2
"""


def test_others_are_asked_before_the_same_again_and_then_the_fallbacks() -> None:
    tries = Tries(Router(), project(UPSTREAM, CHAIN))
    asked = tries.call("chain", {"a", "b", "c"})
    assert sorted(models(asked[:2])) == ["a", "b"]
    assert asked[2].retry
    assert asked[2].wait_s > 0
    assert models(asked[3:]) == ["c", "d"]
    assert [pick.fallback for pick in asked] == [False, False, False, True, True]


def test_what_cannot_be_mended_by_asking_again_is_not() -> None:
    tries = Tries(Router(), project(UPSTREAM, CHAIN))
    assert models(tries.call("chain", {"a", "b"}, "auth"))[2:] == ["c"]
    assert len(tries.call("chain", {"a", "b"}, "invalid")) == 1


def test_weights_are_kept_on_average() -> None:
    tries = Tries(Router(), project(UPSTREAM, CHAIN))
    first = [tries.call("chain", set())[0].model for _ in range(2000)]
    assert 1420 < first.count("a") < 1580


def test_a_canary_has_its_share_and_the_targets_answer_for_it() -> None:
    route = CHAIN.replace("retries: 2", "canary: {provider: upstream, model: new, share: 0.1}")
    tries = Tries(Router(), project(UPSTREAM, route))
    asked = [tries.call("chain", set())[0] for _ in range(2000)]
    assert 150 < sum(pick.canary for pick in asked) < 250
    failing = [picks for picks in (tries.call("chain", {"new"}) for _ in range(30)) if picks[0].canary]
    assert failing
    assert all(picks[1].model in "ab" and not picks[1].canary for picks in failing)


def test_a_limit_of_the_only_model_is_each_callers_own_to_hear_of() -> None:
    only = "kind: Route\nname: only\nspec: {targets: [{provider: upstream, model: a}], retries: 0}"
    tries = Tries(Router(), project(UPSTREAM, only, FAST))
    for _ in range(20):
        assert models(tries.call("only", {"a"}, "rate_limited")) == ["a"]
    for _ in range(5):
        tries.call("only", {"a"}, "server")
    assert tries.call("only", {"a"}) == []
    for _ in range(3):
        tries.call("fast", {"small-1"}, "rate_limited")  # its fallback answers
    assert models(tries.call("fast", {"small-1"})) == ["smollm2"]


def test_a_breaker_opens_lets_one_try_and_closes() -> None:
    tries = Tries(Router(), project(UPSTREAM, FAST))
    for _ in range(3):
        assert models(tries.call("fast", {"small-1"}))[-1] == "smollm2"
    assert models(tries.call("fast", {"small-1"})) == ["smollm2"]  # 5 failures: left alone
    assert tries.router.state("default")[0]["state"] == "open"
    tries.now += 15.0
    route = tries.project.routes["fast"]
    probe = next(tries.router.plan(tries.project, route, tries.rng, lambda: tries.now))
    assert probe.model == "small-1"
    tries.router.started(probe, tries.now)
    assert models(tries.call("fast", set())) == ["smollm2"]  # one at a time
    tries.router.ended(probe, tries.now, 1.0, "server")
    tries.now += 15.0
    assert models(tries.call("fast", set())) == ["smollm2"]  # twice as long
    tries.now += 15.0
    assert models(tries.call("fast", set())) == ["small-1"]
    assert tries.router.state("default")[0]["state"] == "closed"


def test_a_probe_whose_caller_left_lets_another_try() -> None:
    tries = Tries(Router(), project(UPSTREAM, FAST))
    for _ in range(3):
        tries.call("fast", {"small-1"})
    tries.now += 15.0
    probe = next(tries.router.plan(tries.project, tries.project.routes["fast"], tries.rng, lambda: tries.now))
    tries.router.started(probe, tries.now)
    tries.router.abandoned(probe)
    assert models(tries.call("fast", set())) == ["small-1"]


def test_some_failures_among_many_calls_open_nothing() -> None:
    tries = Tries(Router(), project(UPSTREAM, FAST))
    for _ in range(20):
        tries.call("fast", set())
    for _ in range(7):
        tries.call("fast", {"small-1"}, "overloaded")
    assert tries.router.state("default")[0]["state"] == "closed"


def test_with_all_breakers_open_the_error_says_when_to_come_back() -> None:
    lonely = FAST.replace(", fallbacks: [{provider: local, model: smollm2}]", "")
    tries = Tries(Router(), project(UPSTREAM, lonely))
    while tries.call("fast", {"small-1"}):
        pass
    error = tries.router.nobody(tries.project, tries.project.routes["fast"], tries.now + 5)
    assert isinstance(error, ProviderFailed)
    assert (error.status, error.retry_after_s) == (503, 10.0)
    nowhere = project(FAST.replace("local", "gone"))
    assert isinstance(Router().nobody(nowhere, nowhere.routes["fast"], NOON), NotFound)


def test_retries_are_a_share_of_calls() -> None:
    lonely = FAST.replace(", fallbacks: [{provider: local, model: smollm2}]", ", retries: 5, retry_budget: 0.1")
    quiet = UPSTREAM.replace("spec: {", "spec: {breaker: {failures: 10000}, ")
    tries = Tries(Router(), project(quiet, lonely))
    asked = sum(len(tries.call("fast", {"small-1"})) for _ in range(500))
    assert 500 + 50 <= asked <= 500 + 10 + 50


@pytest.mark.parametrize("choose", ["latency", "least_busy", "cost"])
def test_the_better_way_is_preferred_and_the_other_is_not_forgotten(choose: str) -> None:
    route = CHAIN.replace("retries: 2", f"choose: {choose}").replace("weight: 3", "weight: 1")
    prices = (
        PRICE.replace("name: small-1", "name: a")
        + "---"
        + PRICE.replace("name: small-1", "name: b").replace("0.60", "9")
    )
    tries = Tries(Router(), project(UPSTREAM, route, prices))
    chosen = []
    for _ in range(200):
        plan = tries.router.plan(tries.project, tries.project.routes["chain"], tries.rng, lambda: tries.now)
        pick = next(plan)
        chosen.append(pick.model)
        tries.router.started(pick, tries.now)
        if choose != "least_busy" or pick.model == "a":  # b's calls never end
            tries.router.ended(pick, tries.now, 10.0 if pick.model == "a" else 90.0)
        tries.now += 0.01
    assert chosen.count("a") > 190
    if choose == "latency":
        assert "b" in chosen
        tries.now += 600.0  # what was known is old: the other is tried again
        assert "b" in [tries.call("chain", set())[0].model for _ in range(20)]


def test_a_key_document_that_cannot_be_read_opens_nothing() -> None:
    part = snapshot(UPSTREAM, open=True)
    part["projects"]["default"]["documents"].append({"kind": "Key", "name": "k", "spec": {"expires": "never"}})
    with pytest.raises(Unauthenticated):
        find(configured(part), "", "", NOON)


@pytest.mark.parametrize(
    ("key", "model", "host"),
    [
        ("sk-proj-abcdefgh", "claude-sonnet-5", "api.openai.com"),
        ("sk-svcacct-abcdefgh", "mistral-large", "api.openai.com"),
        ("sk-or-v1-abcdefgh", "gpt-5", "openrouter.ai"),
        ("sk-ant-abcdefgh", "gpt-5", "api.anthropic.com"),
        ("sk-abcdefghij", "deepseek-chat", "api.deepseek.com"),
    ],
)
def test_a_caller_s_own_key_goes_to_whom_its_shape_names_whatever_the_model(key: str, model: str, host: str) -> None:
    assert owner_of(key, model, "openai.chat").host.name == host


def test_a_provider_s_words_hold_no_secret_of_ours_whole_or_cut_off() -> None:
    provider = replace(
        project(UPSTREAM).providers["upstream"], headers=(("api-key", "hidden-header-1"), ("x", "Bearer tok-12345678"))
    )
    said = "no: sk-upstream, hidden-header-1, tok-12345678"
    fault = Fault("invalid", said, 400, said.encode())
    told = failed(fault, provider, frozenset())
    assert told.message == "upstream: no: ***, ***, ***"
    assert told.body == b"no: ***, ***, ***"
    assert masked("you sent sk-upstre", provider) == "you sent ***"
