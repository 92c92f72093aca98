"""What tests import: a small history of a team, made by the unmodified `mlflow` client at any of its stores.

Run as a program, since a client's process has one tracking URI at a time: `python mlflow_source.py URI...`.
"""

import sys
import tempfile
from pathlib import Path

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, AssessmentSourceType, Metric, Param, RunTag
from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

AT = 1_700_000_000_000
_USED = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}


def fill(uri: str) -> None:
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    churn = client.create_experiment("churn", tags={"team": "growth"})
    runs = [_run(client, churn, number) for number in range(3)]
    client.delete_run(runs[2])
    old = client.create_experiment("old")
    client.log_param(client.create_run(old).info.run_id, "a", "b")
    client.delete_experiment(old)
    mlflow.set_experiment("churn")
    with mlflow.start_run(run_name="fitted"):
        data = mlflow.data.from_numpy(np.ones((3, 2)), source="s3://bucket/x", name="customers")
        mlflow.log_input(data, context="training")
        model = mlflow.pyfunc.log_model(
            name="model", python_model=_Echo(), registered_model_name="churn", pip_requirements=["numpy==1.2.3"]
        )
        mlflow.log_metric("accuracy", 0.9, step=1, model_id=model.model_id, dataset=data)
    client.update_registered_model("churn", "who leaves")
    client.set_registered_model_tag("churn", "owner", "ann")
    client.set_model_version_tag("churn", "1", "checked", "yes")
    client.transition_model_version_stage("churn", "1", "Production")
    client.set_registered_model_alias("churn", "champion", 1)
    client.create_model_version("churn", f"runs:/{runs[0]}/model", runs[0])
    client.create_registered_model("empty")
    _gone(client)
    _traces()
    if uri.startswith("http"):
        _evaluations(client, churn)


def _gone(client: MlflowClient) -> None:
    gone = mlflow.initialize_logged_model(name="gone")
    client.delete_logged_model(gone.model_id)


def _traces() -> None:
    with mlflow.start_span("answer", span_type="CHAIN") as root:
        root.set_inputs({"question": "who leaves?", "deep": [1, 2.5, None, {"é": True}]})
        with mlflow.start_span("recall") as inner:
            inner.set_attributes({"chunks": 3, "text": "123", "nothing": None, "mlflow.chat.tokenUsage": _USED})
            inner.add_event(mlflow.entities.SpanEvent("found", attributes={"n": 2}))
        root.set_outputs("those who wait")
    trace = root.trace_id
    mlflow.flush_trace_async_logging()
    mlflow.set_trace_tag(trace, "team", "growth")
    judge = AssessmentSource(AssessmentSourceType.LLM_JUDGE, "judge-1")
    mlflow.log_feedback(trace_id=trace, name="right", value=True, rationale="it is", metadata={"k": "v"}, source=judge)
    mlflow.log_feedback(trace_id=trace, name="score", value=4)
    mlflow.log_feedback(trace_id=trace, name="broken", error=ValueError("no answer"))
    mlflow.log_expectation(trace_id=trace, name="facts", value=["a", {"b": 1}])
    mlflow.log_expectation(trace_id=trace, name="text", value="those")
    try:
        with mlflow.start_span("broken"):
            raise ValueError("no")
    except ValueError:
        mlflow.flush_trace_async_logging()


def _evaluations(client: MlflowClient, experiment: str) -> None:
    from mlflow.genai.datasets import create_dataset
    from mlflow.genai.scorers import Guidelines

    data = create_dataset(name="questions", experiment_id=[experiment], tags={"kind": "hard"})
    data.merge_records(
        [
            {"inputs": {"q": f"who {n}"}, "outputs": {"a": n}, "expectations": {"e": [n]}, "tags": {"t": str(n)}}
            for n in range(7)
        ]
    )
    data.merge_records([{"inputs": {"q": "plain"}}])
    for words in ("be kind", "be short"):
        Guidelines(name="manners", guidelines=words).register(experiment_id=experiment)
    client.create_webhook(
        name="news",
        url="https://93.184.215.14/hook",
        events=[WebhookEvent(WebhookEntity.MODEL_VERSION, WebhookAction.CREATED)],
        secret="of its own",
    )


def _run(client: MlflowClient, experiment: str, number: int) -> str:
    tags = {"mlflow.user": "ann", "deep/key with space": "é"}
    id: str = client.create_run(experiment, start_time=AT + number, tags=tags, run_name=f"run {number}").info.run_id
    points = [Metric("loss", 1 / (step + 1), AT + step, step) for step in range(50)]
    odd = [Metric("nan", float("nan"), 1, 0), Metric("inf", float("inf"), 1, 0), Metric("val/accuracy", 0.5, 1, -3)]
    params = [Param("lr", f"0.{number}"), Param("deep/key", "a b")]
    client.log_batch(id, points + odd, params, [RunTag("kept", "1")])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model").mkdir()
        Path(folder, "model", "read me.txt").write_text(f"run {number}")
        Path(folder, "model", "é.bin").write_bytes(bytes(range(256)) * 50)
        client.log_artifacts(id, folder)
    client.set_terminated(id, end_time=AT + 100_000)
    return id


class _Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context: object, model_input: list[str]) -> list[str]:
        return model_input


if __name__ == "__main__":
    for uri in sys.argv[1:]:
        fill(uri)
