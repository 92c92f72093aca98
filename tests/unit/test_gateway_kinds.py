"""The gateway's documents: what is accepted, how a mistake is named, and what a snapshot of them configures."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.gateway import FAST, KINDS, PRICE, UPSTREAM, config, project, snapshot
from triops.document_files import read_documents
from triops.kernel.errors import Invalid
from triops.lenses.llmops.gateway.config import configured, prices_of
from triops.loop.documents import Document
from triops.ports.upstream import Host, Timeouts

AMOUNT = {"amount": "5.00"}
TARGETS = [{"provider": "upstream", "model": "small-1"}]


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        ("Provider", {"dialect": "opnai"}, "spec.dialect"),
        ("Provider", {"dialect": "openai", "base_url": "ftp://x/v1"}, "spec.base_url"),
        ("Provider", {"dialect": "openai", "base_url": "http://user:pass@x/v1"}, "spec.base_url"),
        ("Provider", {"dialect": "openai", "base_url": "http://x/v1?key=1"}, "spec.base_url"),
        ("Provider", {"dialect": "openai", "base_url": "http://x/v1\r\nX: y"}, "spec.base_url"),
        ("Provider", {"dialect": "openai", "base_url": "http://x\n/v1"}, "spec.base_url"),
        ("Provider", {"dialect": "openai", "base_url": "http://x:99999/"}, "spec.base_url"),
        ("Provider", {"dialect": "openai", "headers": {"x-a": "b\r\nx-c: d"}}, "spec.headers.x-a"),
        ("Provider", {"dialect": "openai", "headers": {"Host": "other"}}, "spec.headers.Host"),
        ("Provider", {"dialect": "openai", "api_key_env": "K", "credential": True}, "spec.credential"),
        ("Provider", {"dialect": "openai", "base_url": ""}, "spec.base_url"),
        ("Provider", {"dialect": "openai", "api_key_env": "K\n"}, "spec.api_key_env"),
        ("Provider", {"dialect": "openai", "ca": "/a\0b"}, "spec.ca"),
        ("Provider", {"dialect": "openai", "models": ["\ud800"]}, "spec.models[0]"),
        ("Provider", {"dialect": "openai", "connections": 5.0}, "spec.connections"),
        ("Provider", {"dialect": "openai", "gguf": "/a.gguf"}, "spec.gguf"),
        ("Provider", {"dialect": "anthropic", "responses": "chat"}, "spec.responses"),
        ("Route", {"targets": [{**TARGETS[0], "provider": "Up Stream"}]}, "spec.targets[0].provider"),
        ("Route", {"targets": [{**TARGETS[0], "model": "a\nb"}]}, "spec.targets[0].model"),
        ("Route", {"targets": [{**TARGETS[0], "weight": 1.0}]}, "spec.targets[0].weight"),
        ("Route", {"targets": TARGETS, "retries": 0.0}, "spec.retries"),
        ("Route", {"targets": TARGETS, "aliases": [" fast"]}, "spec.aliases[0]"),
        ("Route", {"targets": TARGETS, "guards": ["Careful"]}, "spec.guards[0]"),
        ("Route", {"targets": []}, "spec.targets"),
        ("Route", {"targets": [{**TARGETS[0], "weight": 0}]}, "spec.targets"),
        ("Route", {"targets": TARGETS, "choose": "luck"}, "spec.choose"),
        ("Route", {"targets": TARGETS, "canary": {**TARGETS[0], "share": 2}}, "spec.canary.share"),
        ("Route", {"targets": TARGETS, "budget_usd": {"amount": "five"}}, "spec.budget_usd.amount"),
        ("Route", {"targets": TARGETS, "timeout": 3}, "spec"),
        ("Route", {"targets": TARGETS, "timeouts": {"total_s": float("nan")}}, "spec.timeouts.total_s"),
        ("Price", {}, "spec"),
        ("Price", {"input_per_million_usd": "-1"}, "spec.input_per_million_usd"),
        ("Price", {"input_per_million_usd": "1e3"}, "spec.input_per_million_usd"),
        ("Price", {"input_per_million_usd": "0.0000001"}, "spec.input_per_million_usd"),
        ("Price", {"input_per_million_usd": 0.1234567}, "spec.input_per_million_usd"),
        ("Price", {"input_per_million_usd": float("nan")}, "spec.input_per_million_usd"),
        ("Price", {"input_per_million_usd": "1", "from": "soon-or-so"}, "spec.from"),
        ("Price", {"input_per_million_usd": "1", "from": "2026-W01-1"}, "spec.from"),
        ("Price", {"input_per_million_usd": "1", "from": "2026-01-01T10"}, "spec.from"),
        ("Price", {"input_per_million_usd": "1", "from": "0001-01-01"}, "spec.from"),
        ("Price", {"input_per_million_usd": "1", "from": "२०२६-०१-०१"}, "spec.from"),
        ("Price", {"input_per_million_usd": "1", "model": "gpt-*-mini"}, "spec.model"),
        ("Price", {"input_per_million_usd": float("inf")}, "spec.input_per_million_usd"),
        ("Price", {"input_per_million_usd": "1", "from": "2026-02-01", "to": "2026-01-01"}, "spec.to"),
        ("Key", {"budget_usd": {"amount": "1", "per": "hour"}}, "spec.budget_usd.per"),
        ("Key", {"budgets": [AMOUNT, {"amount": True}]}, "spec.budgets[1].amount"),
        ("Key", {"expires": "2026-13-01"}, "spec.expires"),
        ("Key", {"requests_per_minute": 0}, "spec.requests_per_minute"),
        ("Key", {"requests_per_minute": 60.0}, "spec.requests_per_minute"),
        ("Key", {"application": "  "}, "spec.application"),
        ("Key", {"team": "a\u202eb"}, "spec.team"),
        ("Budget", {**AMOUNT, "route": "no/such"}, "spec.route"),
        ("Budget", AMOUNT, "spec"),
        ("Budget", {**AMOUNT, "team": "a", "user": "b"}, "spec"),
    ],
)
def test_a_mistake_is_named_by_its_field(kind: str, spec: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as error:
        KINDS.validate(kind, "a-name", spec)
    assert error.value.details["field"] == field


def test_a_header_that_is_wrong_is_not_repeated() -> None:
    with pytest.raises(Invalid) as error:
        KINDS.validate("Provider", "p", {"dialect": "openai", "headers": {"x-key": "se\ncret"}})
    assert "cret" not in str(error.value.details)


@pytest.mark.parametrize("written", ['"5.00"', "5", "5.00", '"5"'])
def test_an_amount_is_exact_however_it_is_written(written: str) -> None:
    key = f"kind: Key\nname: bot\nspec: {{budget_usd: {{amount: {written}, per: day}}}}"
    assert project(key).keys["bot"].budgets[0].amount == 5 * 10**12


def test_a_file_that_holds_itself_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "loop.yaml"
    file.write_text("kind: Key\nname: k\nspec: &a {application: *a}")
    with pytest.raises(Invalid, match="cannot read"):
        read_documents(file)


@pytest.mark.parametrize(
    "written", ["2026-01-01", '"2026-01-01"', "2026-01-01T00:00:00Z", '"2026-01-01T00:00:00+00:00"']
)
def test_dates_of_yaml_are_read_from_files(tmp_path: Path, written: str) -> None:
    file = tmp_path / "price.yaml"
    file.write_text(f"kind: Price\nname: m\nspec: {{input_per_million_usd: 0.15, from: {written}}}")
    (document,) = read_documents(file)
    KINDS.validate("Price", "m", document["spec"])
    price = configured(snapshot()) and prices_of([Document("Price", "m", document["spec"])])
    assert price.find("", "m", 1_767_225_600 * 10**9) is not None
    assert price.find("", "m", 1_767_225_600 * 10**9 - 1) is None


def test_a_member_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.yaml"
    file.write_text("kind: Key\nname: k\nspec:\n  routes: []\n  requests_per_minute: 5\n  requests_per_minute: 6")
    with pytest.raises(Invalid, match=r"requests_per_minute is given twice.*line 6"):
        read_documents(file)
    file.write_text("kind: Key\nname: k\nspec:\n  <<: {team: a, user: b}\n  team: c")
    assert read_documents(file)[0]["spec"] == {"team": "c", "user": "b"}


@pytest.mark.parametrize("written", [".nan", "-.inf", "!!binary YQ==", "!!set {a}"])
def test_what_json_has_no_word_for_is_refused_by_its_place(tmp_path: Path, written: str) -> None:
    file = tmp_path / "route.yaml"
    file.write_text(f"kind: Route\nname: r\nspec: {{targets: [{{weight: {written}}}]}}")
    with pytest.raises(Invalid, match=r"spec\.targets\.0\.weight"):
        read_documents(file)


def test_a_provider_is_ready_to_be_asked() -> None:
    spec = """
kind: Provider
name: up
spec:
  {dialect: openai, base_url: "https://Example.com:8443/v1/", credential: true, headers: {X-Team: care},
   timeouts: {first_token_s: 3}, breaker: {failures: 2}}
"""
    found = project(spec, credentials={"up": "sk-very-secret"}).providers["up"]
    assert (found.host, found.path) == (Host("https", "example.com", 8443), "/v1")
    assert (found.credential, found.source) == ("sk-very-secret", "set")
    assert found.headers == (("x-team", "care"),)
    assert found.timeouts == Timeouts(first=3.0)
    assert found.breaker.failures == 2
    assert "sk-very-secret" not in repr(found)


def test_the_default_addresses() -> None:
    text = "\n---\n".join(f"kind: Provider\nname: {d}\nspec: {{dialect: {d}}}" for d in ("openai", "ollama", "local"))
    providers = project(text).providers
    assert providers["openai"].host == Host("https", "api.openai.com", 443)
    assert providers["ollama"].host == Host("http", "127.0.0.1", 11434, allow_private=True)
    assert providers["local"].host.name == ""


def test_a_routes_time_outs_go_before_its_providers() -> None:
    route = """
kind: Route
name: r
spec: {targets: [{provider: upstream, model: m}], timeout_s: 30, timeouts: {first_token_s: 2}}
"""
    (target,) = project(UPSTREAM, route).routes["r"].targets
    assert target.timeouts == Timeouts(5.0, 2.0, 30.0, 30.0)


@pytest.mark.parametrize(
    ("provider", "route", "total"),
    [
        ("{}", "{total_s: 4}", 4.0),
        ("{total_s: 4}", "{}", 4.0),
        ("{total_s: 4}", "{total_s: 7}", 7.0),
        ("{total_s: 900}", "{}", 30.0),
        ("{}", "{}", 30.0),
    ],
)
def test_an_attempt_has_its_own_time_within_the_whole_call_s(provider: str, route: str, total: float) -> None:
    found = project(
        f"kind: Provider\nname: up\nspec: {{dialect: openai, timeouts: {provider}}}",
        f"""kind: Route
name: r
spec: {{targets: [{{provider: up, model: m}}], timeout_s: 30, timeouts: {route}}}""",
    ).routes["r"]
    assert (found.timeout_s, found.targets[0].timeouts.total) == (30.0, total)


def test_documents_that_do_not_fit_together_are_told_and_stop_nothing() -> None:
    found = project(
        """
kind: Route
name: a
spec: {targets: [{provider: gone, model: m}], guards: [pii], aliases: [b, c]}
---
kind: Route
name: b
spec: {targets: [{provider: upstream, model: unpriced}], aliases: [c]}
---
kind: Key
name: k
spec: {routes: [a, c, nowhere], budget_usd: {amount: 1}}
---
kind: Budget
name: far
spec: {route: nothing, amount: 1}
""",
        UPSTREAM,
        credentials={},
    )
    said = "\n".join(found.problems)
    assert "Route a: there is no Provider gone" in said
    assert "Route a: there is no Guard pii" in said
    assert "Route a: its alias b means Route b" in said
    assert "Route b: its alias c means Route a" in said
    assert "Key k: there is no Route nowhere" in said
    assert "Budget far: there is no Route nothing" in said
    assert "no Price for upstream/unpriced" in said
    assert "the server's environment has no UPSTREAM_KEY" in said
    assert found.routes["c"].name == "a"
    assert found.routes["b"].name == "b"


def test_a_document_that_cannot_be_read_leaves_the_others() -> None:
    part = snapshot(FAST, PRICE)
    part["projects"]["default"]["documents"] += [
        {"kind": "Route", "name": "old", "spec": {"targets": "upstream"}, "revision": 1},
        {"kind": "Key", "name": "worse", "spec": {"expires": "never"}, "revision": 1},
    ]
    found = configured(part).projects["default"]
    assert set(found.routes) == {"fast"}
    assert len([line for line in found.problems if "old" in line or "worse" in line]) == 2


def test_equal_documents_that_are_well_have_no_problems() -> None:
    assert project(UPSTREAM, FAST, PRICE).problems == ()
    assert config(UPSTREAM).projects["default"].declared == ("upstream",)


def test_the_example_of_the_documentation_is_well(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "gateway-rules.md").read_text()
    file = tmp_path / "gateway.yaml"
    file.write_text(page.split("```yaml\n")[1].split("```")[0])
    said = read_documents(file)
    for one in said:
        KINDS.validate(one["kind"], one["name"], one["spec"])
    part = {"documents": said, "credentials": {"upstream": "k"}}
    found = configured({"projects": {"default": part}}).projects["default"]
    assert found.problems == ()
    assert len(found.prices) == 2
