"""Gates: an alias that the `mlflow` client sets waits for its checks and for somebody's approval."""

from collections.abc import Iterator
from typing import Any

import pytest

from triops.sdk import Client
from triops.sdk.client import ApiError
from triops.testing.server import RunningTriops

mlflow = pytest.importorskip("mlflow", reason="needs the mlflow client")

from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

_GATE: dict[str, Any] = {
    "model": "churn*",
    "alias": "champion",
    "approval": {"role": "admin", "not_self": True},
    "checks": [
        {"metric": "accuracy", "at_least": 0.8},
        {"metric": "accuracy", "not_worse_than": "champion", "by": 0.01},
        {"tag": "reviewed", "equals": "yes"},
    ],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("gates") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def keys(server: RunningTriops) -> dict[str, str]:
    """Secrets of an admin, another admin and an editor."""
    made = {}
    client = server.client
    for name, role in (("ann", "admin"), ("bob", "admin"), ("eve", "editor")):
        made[name] = client.call("POST", "/keys", body={"name": name, "role": role})["secret"]
        client = Client(server.url, made["ann"])
    client.call("POST", "/documents", body={"documents": [{"kind": "Gate", "name": "churn", "spec": _GATE}]})
    return made


@pytest.fixture
def ann(server: RunningTriops, keys: dict[str, str]) -> Client:
    return Client(server.url, keys["ann"])


@pytest.fixture
def bob(server: RunningTriops, keys: dict[str, str]) -> Client:
    return Client(server.url, keys["bob"])


@pytest.fixture
def eve(server: RunningTriops, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """The editor, as the `mlflow` client."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", keys["eve"])
    return MlflowClient(server.url, server.url)


def version(client: MlflowClient, name: str, accuracy: float | None, **tags: str) -> str:
    run = client.create_run("0").info
    if accuracy is not None:
        client.log_metric(run.run_id, "accuracy", accuracy)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    made = client.create_model_version(name, f"{run.artifact_uri}/m", run.run_id, tags=tags, await_creation_for=0)
    number: str = made.version
    return number


def held(client: MlflowClient, name: str, number: str) -> str:
    with pytest.raises(MlflowException) as error:
        client.set_registered_model_alias(name, "champion", number)
    assert error.value.error_code == "PERMISSION_DENIED"
    return str(error.value.message)


def test_checks_that_fail_are_told(eve: MlflowClient, ann: Client) -> None:
    number = version(eve, "churn_checks", 0.7)
    message = held(eve, "churn_checks", number)
    assert "metric accuracy is 0.7, wanted at least 0.8" in message
    assert "tag reviewed is not set, wanted 'yes'" in message
    assert ann.call("GET", "/approvals", model="churn_checks")["items"] == []
    refused = ann.call("PUT", "/models/churn_checks/aliases/champion", body={"version": 1})
    assert (refused["state"], len(refused["reasons"])) == ("refused", 2)
    assert "accuracy is missing" in held(eve, "churn_checks", version(eve, "churn_checks", None, reviewed="yes"))
    eve.set_registered_model_alias("churn_checks", "shadow", number)  # no gate guards it


def test_asking_approving_and_undoing(eve: MlflowClient, ann: Client, bob: Client) -> None:
    first = version(eve, "churn", 0.9, reviewed="yes")
    message = held(eve, "churn", first)
    assert held(eve, "churn", first) == message  # asked once, however often it is tried
    (asked,) = ann.call("GET", "/approvals", model="churn", state="waiting")["items"]
    assert f"/ui/models/churn?approval={asked['id']}" in message
    assert (asked["alias"], asked["from"], asked["to"], asked["asked_by"], asked["role"]) == (
        "champion",
        None,
        "1",
        "eve",
        "admin",
    )
    assert all(check["passed"] for check in asked["checks"])
    approved = bob.call("POST", f"/approvals/{asked['id']}/approve", body={"why": "looked at it"})
    assert (approved["state"], approved["decided_by"]) == ("approved", "bob")
    assert eve.get_model_version_by_alias("churn", "champion").version == first
    eve.set_registered_model_alias("churn", "champion", first)  # it is there already: nobody is asked
    (step, *_) = ann.call("GET", "/models/churn/history")["items"]
    assert (step["who"], step["kind"], step["to"]) == ("eve", "promotion", "1")
    change = ann.call("GET", f"/changes/{step['change']}")
    assert (change["author"], change["details"]["approved_by"]) == ("eve", "bob")

    worse = version(eve, "churn", 0.85, reviewed="yes")
    assert "version 1 (champion) has 0.9, and may be 0.01 worse" in held(eve, "churn", worse)
    better = version(eve, "churn", 0.895, reviewed="yes")
    waiting = ann.call("PUT", "/models/churn/aliases/champion", body={"version": int(better), "why": "newer data"})
    assert waiting["state"] == "waiting"
    with pytest.raises(ApiError, match="somebody else") as error:
        ann.call("POST", f"/approvals/{waiting['approval']['id']}/approve")
    assert error.value.status == 403
    bob.call("POST", f"/approvals/{waiting['approval']['id']}/approve")
    undone = ann.call("POST", "/models/churn/aliases/champion/undo", body={"why": "complaints"})
    assert (undone["state"], undone["from"], undone["to"]) == ("moved", better, first)
    verbs = [entry["verb"] for entry in ann.call("GET", "/audit")["items"]]
    assert verbs[:3] == ["promotion.undo", "promotion.approved", "promotion.ask"]


def test_only_the_role_decides_and_only_once(eve: MlflowClient, bob: Client, keys: dict[str, str]) -> None:
    held(eve, "churn_roles", version(eve, "churn_roles", 0.9, reviewed="yes"))
    (asked,) = bob.call("GET", "/approvals", model="churn_roles")["items"]
    with pytest.raises(ApiError, match="needs the role admin"):
        Client(bob.url, keys["eve"]).call("POST", f"/approvals/{asked['id']}/approve")
    rejected = bob.call("POST", f"/approvals/{asked['id']}/reject", body={"why": "not now"})
    assert (rejected["state"], rejected["decision"]) == ("rejected", "not now")
    with pytest.raises(ApiError, match="rejected already") as error:
        bob.call("POST", f"/approvals/{asked['id']}/approve")
    assert error.value.status == 409
    assert eve.get_registered_model("churn_roles").aliases == {}
    held(eve, "churn_roles", "1")
    states = [item["state"] for item in bob.call("GET", "/approvals", model="churn_roles")["items"]]
    assert states == ["waiting", "rejected"]


def test_what_was_checked_must_still_hold(eve: MlflowClient, bob: Client) -> None:
    held(eve, "churn_late", version(eve, "churn_late", 0.9, reviewed="yes"))
    (asked,) = bob.call("GET", "/approvals", model="churn_late")["items"]
    eve.delete_model_version_tag("churn_late", "1", "reviewed")
    with pytest.raises(ApiError, match="tag reviewed is not set"):
        bob.call("POST", f"/approvals/{asked['id']}/approve")
    eve.delete_model_version("churn_late", "1")
    (void,) = bob.call("GET", "/approvals", model="churn_late")["items"]
    assert void["state"] == "obsolete"


def test_there_is_no_way_around(eve: MlflowClient, ann: Client, bob: Client) -> None:
    held(eve, "churn_tight", version(eve, "churn_tight", 0.9, reviewed="yes"))
    (asked,) = bob.call("GET", "/approvals", model="churn_tight")["items"]
    bob.call("POST", f"/approvals/{asked['id']}/approve")
    for evade in (
        lambda: eve.delete_registered_model_alias("churn_tight", "champion"),
        lambda: eve.delete_model_version("churn_tight", "1"),
        lambda: eve.rename_registered_model("churn_tight", "loose"),
        lambda: eve.delete_registered_model("churn_tight"),
    ):
        with pytest.raises(MlflowException) as error:
            evade()
        assert error.value.error_code == "PERMISSION_DENIED"
    assert eve.get_registered_model("churn_tight").aliases == {"champion": "1"}
    removal = next(
        item for item in ann.call("GET", "/approvals", model="churn_tight")["items"] if item["state"] == "waiting"
    )
    assert (removal["from"], removal["to"]) == ("1", None)
    eve.create_registered_model("free")
    eve.create_model_version("free", "s3://bucket/m", await_creation_for=0)
    eve.set_registered_model_alias("free", "champion", "1")
    with pytest.raises(MlflowException, match="gate churn guards its alias champion"):
        eve.rename_registered_model("free", "churn_free")


@pytest.mark.parametrize("kind", ["Gate", "Access"])
def test_who_is_bound_by_a_document_does_not_write_it(
    server: RunningTriops, keys: dict[str, str], ann: Client, kind: str
) -> None:
    spec = {"Gate": {"model": "loose", "alias": "champion", "approval": {"role": "admin"}},
            "Access": {"models": ["loose"], "manage": ["ann"]}}[kind]  # fmt: skip
    ann.call("POST", "/documents", body={"documents": [{"kind": kind, "name": "loose", "spec": spec}]})
    eve = Client(server.url, keys["eve"])
    for method, path, body in (
        ("POST", "/documents", {"documents": [{"kind": kind, "name": "loose", "spec": spec}]}),
        ("DELETE", f"/documents/{kind}/loose", None),
    ):
        with pytest.raises(ApiError) as error:
            eve.call(method, path, body=body)
        assert error.value.status == 403
    ann.call("DELETE", f"/documents/{kind}/loose")


def test_a_gate_that_is_no_gate_is_refused(ann: Client) -> None:
    for spec in (
        {"model": "m", "alias": "a", "checks": [{"metric": "x"}]},
        {"model": "m", "alias": "a", "checks": [{"metric": "x", "at_least": 1, "at_most": 2}]},
        {"model": "m", "alias": "a", "checks": [{"tag": "x", "at_least": 1}]},
        {"model": "m", "alias": "a", "approval": {"role": "viewer"}},
        {"model": "m"},
    ):
        with pytest.raises(ApiError) as error:
            ann.call("POST", "/documents", body={"documents": [{"kind": "Gate", "name": "bad", "spec": spec}]})
        assert error.value.status == 400


def test_a_label_of_a_prompt_waits_like_an_alias(eve: MlflowClient, ann: Client, bob: Client) -> None:
    spec = {"model": "greet*", "alias": "production", "approval": {"role": "editor", "not_self": True}}
    bob.apply([{"kind": "Gate", "name": "words", "spec": spec}])
    for text in ("Hi {{name}}", "Dear {{name}}"):
        ann.call("POST", "/prompts/greet you/versions", body={"text": text})
    asked = ann.call("PUT", "/prompts/greet you/labels/production", body={"version": 2, "why": "kinder"})
    assert asked["state"] == "waiting"
    (waiting,) = bob.call("GET", "/approvals", kind="prompt", state="waiting")["items"]
    assert [waiting[k] for k in ("id", "kind", "model", "alias", "from", "to", "asked_by", "why")] == [
        asked["approval"], "prompt", "greet you", "production", None, "2", "ann", "kinder",
    ]  # fmt: skip
    models = bob.call("GET", "/approvals", kind="model")["items"]
    assert models
    assert {item["kind"] for item in models} == {"model"}
    with pytest.raises(MlflowException) as held_back:
        eve.set_prompt_alias("greet you", "production", 1)
    assert "/ui/prompts/greet%20you?approval=" in str(held_back.value)
    bob.call("POST", f"/approvals/{waiting['id']}/approve", body={"why": "read it"})
    assert ann.call("GET", "/prompts/greet you")["labels"] == {"production": 2}
