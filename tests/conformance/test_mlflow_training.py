"""What a data scientist does in a day, by the unmodified client: autolog, data sets, a model from its training to its
alias, runs in a table."""

from collections.abc import Iterator

import numpy as np
import pytest

from triops.testing.server import RunningTriops

mlflow = pytest.importorskip("mlflow", reason="needs the mlflow client")
pd = pytest.importorskip("pandas", reason="needs pandas")

from mlflow.models import infer_signature  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    with RunningTriops(tmp_path_factory.mktemp("training") / "data") as server:
        mlflow.set_tracking_uri(server.url)
        mlflow.set_registry_uri(server.url)
        yield MlflowClient()
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.fixture(scope="module")
def iris() -> pd.DataFrame:
    return load_iris(as_frame=True).frame


def test_autolog_of_a_grid_search(client: MlflowClient, iris: pd.DataFrame) -> None:
    mlflow.set_experiment("autolog")
    mlflow.sklearn.autolog(log_models=False, silent=True)
    try:
        x, y = iris.drop(columns="target"), iris["target"]
        with mlflow.start_run(run_name="grid") as parent:
            GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0, 10.0]}, cv=3).fit(x, y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    run = client.get_run(parent.info.run_id)
    assert run.data.params["best_C"] in ("0.1", "1.0", "10.0")
    assert run.data.metrics["training_accuracy_score"] > 0.9
    assert run.data.tags["estimator_name"] == "GridSearchCV"
    children = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert sorted(children["params.C"]) == ["0.1", "1.0", "10.0"]
    assert children["metrics.mean_test_score"].max() == pytest.approx(run.data.metrics["best_cv_score"])
    names = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert {"cv_results.csv", "training_confusion_matrix.png"} <= names
    [used] = run.inputs.dataset_inputs
    assert used.dataset.name


def test_a_model_from_its_data_to_its_alias(client: MlflowClient, iris: pd.DataFrame) -> None:
    mlflow.set_experiment("by hand")
    x, y = iris.drop(columns="target"), iris["target"]
    data = mlflow.data.from_pandas(iris, name="iris", targets="target")
    with mlflow.start_run() as run:
        mlflow.log_input(data, context="training", tags={"split": "all"})
        model = LogisticRegression(max_iter=500).fit(x, y)
        mlflow.log_metric("accuracy", model.score(x, y), dataset=data)
        logged = mlflow.sklearn.log_model(
            model, name="iris", signature=infer_signature(x, model.predict(x)), input_example=x.head(2),
            registered_model_name="iris", pip_requirements=["scikit-learn"],
        )  # fmt: skip
    client.set_registered_model_alias("iris", "champion", logged.registered_model_version)
    loaded = mlflow.sklearn.load_model("models:/iris@champion")
    assert np.array_equal(loaded.predict(x), model.predict(x))
    general = mlflow.pyfunc.load_model(f"models:/iris/{logged.registered_model_version}")
    assert np.array_equal(general.predict(x), model.predict(x))
    assert general.metadata.signature is not None
    version = client.get_model_version_by_alias("iris", "champion")
    assert (version.run_id, version.status) == (run.info.run_id, "READY")
    [used] = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("iris", data.digest)
    assert {tag.key: tag.value for tag in used.tags} == {"mlflow.data.context": "training", "split": "all"}
    found = mlflow.search_runs(filter_string=f"dataset.digest = '{data.digest}' and metrics.accuracy > 0.9")
    assert list(found["run_id"]) == [run.info.run_id]


def test_a_run_that_fails_says_so(client: MlflowClient) -> None:
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as run:
        1 / 0  # noqa: B018
    ended = client.get_run(run.info.run_id).info
    assert (ended.status, ended.end_time is not None) == ("FAILED", True)
