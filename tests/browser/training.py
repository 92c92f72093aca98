"""Fills a running server with training runs and a registered model, through MLflow's own protocol."""

import base64
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC"
)
MLMODEL = """artifact_path: model
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.2
  sklearn:
    sklearn_version: 1.7.0
signature:
  inputs: '[{"type": "long", "name": "age", "required": true}, {"type": "string", "name":
    "workclass", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
"""
OPTIMIZERS = ("adam", "sgd", "lion")


@dataclass(frozen=True)
class Trained:
    """What a test may look for. `runs` in the order they were made; the first began the next two."""

    experiment: str
    runs: list[str]
    best: str
    model: str


class Mlflow:
    """The protocol's calls, as a client makes them."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(f"/api/2.0/mlflow/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def upload(self, experiment: str, run: str, path: str, content: bytes) -> None:
        self.http.put(
            f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/{path}", content=content
        ).raise_for_status()


def train(url: str, many: int, name: str = "income", model: str = "income-classifier") -> Trained:
    """`many` runs of one experiment with params, tags and metrics; the first ones with curves, data and files."""
    api = Mlflow(url)
    experiment = api.post("experiments/create", name=name)["experiment_id"]
    api.post("experiments/create", name=f"{name} {HOSTILE}")
    now = int(time.time() * 1000)
    first = [_run(api, experiment, i, many, now, []) for i in range(1)]
    parent = [{"key": "mlflow.parentRunId", "value": first[0]}]
    first += [_run(api, experiment, i, many, now, parent) for i in (1, 2)]
    with ThreadPoolExecutor(8) as pool:
        rest = list(pool.map(lambda i: _run(api, experiment, i, many, now, []), range(3, many)))
    runs = first + rest
    best = max(range(many), key=_accuracy)
    for at, run in enumerate(runs[:3]):
        _curves(api, run, at, now)
    _detail(api, experiment, runs[0])
    _register(api, experiment, runs, model)
    api.http.close()
    return Trained(experiment, runs, runs[best], model)


def _accuracy(i: int) -> float:
    return round(0.9 - abs(math.log10(_rate(i)) + 2.5) * 0.08 - abs(_depth(i) - 7) * 0.01 + (i * 37 % 100) * 1e-5, 6)


def _rate(i: int) -> float:
    return float(f"{10 ** (-4 + 3 * ((i * 7919) % 1000) / 1000):.5f}")


def _depth(i: int) -> int:
    return 2 + i % 11


def _run(api: Mlflow, experiment: str, i: int, many: int, now: int, tags: list[dict[str, str]]) -> str:
    started = now - (many - i) * 60_000
    own = [
        {"key": "mlflow.user", "value": "dana"},
        {"key": "mlflow.source.name", "value": "train.py"},
        {"key": "team", "value": HOSTILE if i == 0 else "ads"},
        *tags,
    ]
    made = api.post("runs/create", experiment_id=experiment, start_time=started, run_name=f"run-{i:05d}", tags=own)
    run = str(made["run"]["info"]["run_id"])
    accuracy = _accuracy(i)
    metrics = {"val/accuracy": accuracy, "val/loss": 1.4 - accuracy, "cost": float(i)}
    params = {"lr": f"{_rate(i):.5f}", "depth": str(_depth(i)), "optimizer": OPTIMIZERS[i % 3]}
    api.post(
        "runs/log-batch",
        run_id=run,
        metrics=[{"key": k, "value": v, "timestamp": started + 1000, "step": 200} for k, v in metrics.items()],
        params=[{"key": k, "value": v} for k, v in params.items()],
        tags=[],
    )
    if i != 2:  # that one is still running
        status = "FAILED" if i % 10 == 7 else "FINISHED"
        api.post("runs/update", run_id=run, status=status, end_time=started + 30_000 + i)
    return run


def _curves(api: Mlflow, run: str, at: int, now: int) -> None:
    def point(key: str, step: int, value: Any) -> dict[str, Any]:
        return {"key": key, "value": value, "timestamp": now + step * 1000, "step": step}

    points = [point("val/loss", s, 0.5 + math.exp(-s / 40) + at / 10) for s in range(200)]
    points += [point("val/accuracy", s, 0.8 - math.exp(-s / 40) / 2) for s in range(200)]
    points += [point("shaky", s, "NaN" if s == 30 else float(s % 7)) for s in range(60)]
    for begin in range(0, len(points), 400):
        api.post("runs/log-batch", run_id=run, metrics=points[begin : begin + 400], params=[], tags=[])


def _detail(api: Mlflow, experiment: str, run: str) -> None:
    dataset = {
        "name": "acs",
        "digest": "a1b2c3",
        "source_type": "local",
        "source": json.dumps({"uri": "acs.parquet"}),
        "schema": json.dumps({"mlflow_colspec": [{"type": "long", "name": "age"}]}),
        "profile": json.dumps({"num_rows": 32561}),
    }
    context = [{"key": "mlflow.data.context", "value": "training"}]
    api.post("runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": context}])
    note = f"# Why\nA **first** try. {HOSTILE} [bad](javascript:alert(1))"
    api.post("runs/set-tag", run_id=run, key="mlflow.note.content", value=note)
    for path, content in {
        "model/MLmodel": MLMODEL.encode(),
        "model/requirements.txt": b"scikit-learn==1.7.0\n",
        "plots/roc.png": PIXEL,
        "table.csv": b'name,age,score\nanna,31,0.5\n"bob, the second",40,"1"\n',
        "report.html": f"<p>hello</p>{HOSTILE}<script>document.title='owned'</script>".encode(),
        "summary.json": json.dumps({"a": [1, 2, {"b": True}]}).encode(),
        "weights.bin": bytes(range(256)),
        "notes.md": f"## Notes\n- one\n- {HOSTILE}\n".encode(),
    }.items():
        api.upload(experiment, run, path, content)


def _register(api: Mlflow, experiment: str, runs: list[str], model: str) -> None:
    api.post("registered-models/create", name=model, description="Predicts income.")
    for run in runs[:3]:
        api.post(
            "model-versions/create",
            name=model,
            source=f"mlflow-artifacts:/{experiment}/{run}/artifacts/model",
            run_id=run,
        )
    api.post("registered-models/alias", name=model, alias="challenger", version="1")
