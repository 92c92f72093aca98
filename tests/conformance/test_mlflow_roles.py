"""Keys, roles and Access documents as the unmodified `mlflow` client meets them: by token, by user and password."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from triops.sdk import ApiError, Client
from triops.testing.server import RunningTriops

mlflow = pytest.importorskip("mlflow", reason="needs the mlflow client")

from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

ACCESS = {
    "kind": "Access",
    "name": "churn",
    "spec": {"experiments": ["churn"], "models": ["churn"], "read": ["eve"], "edit": ["ci"], "manage": ["ann"]},
}


class House:
    """A server with keys: root is its admin; ann, bob and ci are editors, eve is a viewer, pipe may only send."""

    def __init__(self, url: str, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.url = url
        self.secrets = {"root": client.create_key("root", "admin")["secret"]}
        self.root = Client(url, key=self.secrets["root"])
        for name, role in (
            ("ann", "editor"),
            ("bob", "editor"),
            ("ci", "editor"),
            ("eve", "viewer"),
            ("pipe", "ingest"),
        ):
            self.secrets[name] = self.root.create_key(name, role)["secret"]

    @contextmanager
    def as_(self, name: str, *, basic: bool = False) -> Iterator[MlflowClient]:
        with self._patch.context() as patch:
            if basic:
                patch.setenv("MLFLOW_TRACKING_USERNAME", name)
                patch.setenv("MLFLOW_TRACKING_PASSWORD", self.secrets[name])
            else:
                patch.setenv("MLFLOW_TRACKING_TOKEN", self.secrets[name])
            yield MlflowClient(self.url, self.url)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("roles")
    with RunningTriops(folder / "data") as server, pytest.MonkeyPatch.context() as patch:
        house = House(server.url, server.client, patch)
        with house.as_("root") as client:
            for name in ("churn", "open"):
                run = client.create_run(client.create_experiment(name))
                client.log_metric(run.info.run_id, "m", 1.0)
                client.create_registered_model(name)
        house.root.apply([ACCESS])
        yield house


def refused(call: Callable[..., Any], *given: Any, code: str = "PERMISSION_DENIED", **named: Any) -> str:
    with pytest.raises(MlflowException) as error:
        call(*given, **named)
    assert error.value.error_code == code
    return str(error.value.message)


def ids(client: MlflowClient, name: str) -> tuple[str, str]:
    experiment = client.get_experiment_by_name(name).experiment_id
    return experiment, client.search_runs([experiment])[0].info.run_id


def test_without_a_key_nothing_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    said = refused(MlflowClient(house.url).search_experiments, code="UNAUTHENTICATED")
    assert "API key" in said


@pytest.mark.parametrize("basic", [False, True])
def test_token_and_password_are_the_key(house: House, basic: bool) -> None:
    with house.as_("ann", basic=basic) as client:
        assert {e.name for e in client.search_experiments()} >= {"churn", "open"}


def test_a_viewer_looks_and_changes_nothing(house: House) -> None:
    with house.as_("eve") as client:
        experiment, run = ids(client, "open")
        assert client.get_run(run).data.metrics == {"m": 1.0}
        refused(client.log_metric, run, "m", 2.0)
        refused(client.delete_experiment, experiment)
        refused(client.create_registered_model, "more")


def test_who_may_only_send_reads_nothing(house: House) -> None:
    with house.as_("ann") as client:
        _, run = ids(client, "open")
    with house.as_("pipe") as client:
        client.log_metric(run, "sent", 1.0)
        refused(client.get_run, run)


def test_what_an_access_document_names_is_hidden_from_others(house: House) -> None:
    with house.as_("root") as client:
        experiment, run = ids(client, "churn")
    with house.as_("bob") as client:
        assert "churn" not in {e.name for e in client.search_experiments()}
        assert {m.name for m in client.search_registered_models()} == {"open"}
        assert client.search_runs([experiment]) == []
        assert "Access churn" in refused(client.get_run, run)
        for call in (
            lambda: client.get_experiment(experiment),
            lambda: client.get_experiment_by_name("churn"),
            lambda: client.log_metric(run, "m", 2.0),
            lambda: client.get_metric_history(run, "m"),
            lambda: client.set_tag(run, "a", "b"),
            lambda: client.delete_run(run),
            lambda: client.create_run(experiment),
            lambda: client.list_artifacts(run),
            lambda: client.log_text(run, "text", "a.txt"),
            lambda: client.get_registered_model("churn"),
            lambda: client.set_registered_model_alias("churn", "champion", "1"),
            lambda: client.delete_registered_model("churn"),
            lambda: client.rename_experiment(ids(client, "open")[0], "churn"),
            lambda: client.rename_registered_model("open", "churn"),
        ):
            refused(call)


def test_levels_hold_one_another(house: House) -> None:
    with house.as_("eve") as client:
        _, run = ids(client, "churn")
        assert client.get_run(run).data.metrics["m"] == 1.0
    with house.as_("ci") as client:
        client.log_metric(run, "m2", 2.0)
        refused(client.delete_run, run)
    with house.as_("ann") as client:
        client.delete_run(run)
        client.restore_run(run)


def test_pages_and_other_programs_are_held_by_the_same_law(house: House) -> None:
    with house.as_("root") as client:
        experiment, run = ids(client, "churn")
    bob = Client(house.url, key=house.secrets["bob"])
    assert [e["name"] for e in bob.pages("/experiments") if e["name"] == "churn"] == []
    assert [m["name"] for m in bob.pages("/models")] == ["open"]
    asked: list[tuple[str, dict[str, Any]]] = [
        (f"/runs/{run}", {}),
        (f"/runs/{run}/artifacts", {}),
        (f"/runs/{run}/provenance", {}),
        ("/runs/curves", {"run": run, "key": "m"}),
        ("/runs/diff", {"run": [run, run]}),
        ("/runs/keys", {"experiment": experiment}),
        ("/runs", {"experiment": experiment}),
        (f"/experiments/{experiment}", {}),
        ("/models/churn", {}),
        ("/models/churn/history", {}),
    ]
    for path, query in asked:
        with pytest.raises(ApiError) as error:
            bob.call("GET", path, **query)
        assert error.value.status == 403, path
