"""What a data scientist would run: plain scikit-learn and MLflow, no word of Triops. A process of its own.

`python train.py STEP`; the address comes from MLFLOW_TRACKING_URI. The last line printed is JSON for the story.
"""

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

import mlflow
import mlflow.data
import mlflow.sklearn
import numpy as np
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

JSON = dict[str, Any]
MODEL, ALIAS, EXPERIMENT = "tumour", "champion", "tumour"
SEED = 7


def data() -> Any:
    frame = load_breast_cancer(as_frame=True).frame
    return train_test_split(frame.drop(columns="target"), frame["target"], test_size=0.3, random_state=SEED)


def fit(name: str, model: Any, shuffled: bool = False) -> JSON:
    """One run: data set, parameters, metrics and the model itself. `shuffled`: a careless join mixes up the labels."""
    x, x_test, y, y_test = data()
    if shuffled:
        draw = np.random.default_rng(SEED)
        y = y.copy()
        rows = draw.choice(len(y), size=int(0.35 * len(y)), replace=False)
        y.iloc[rows] = 1 - y.iloc[rows]
    with mlflow.start_run(run_name=name, nested=True) as run:
        table = mlflow.data.from_pandas(x.assign(target=y), name="breast_cancer", targets="target")
        mlflow.log_input(table, "training")
        mlflow.log_params({"model": type(model).__name__, "seed": SEED, **own(model)})
        pipeline = make_pipeline(StandardScaler(), model).fit(x, y)
        chance = pipeline.predict_proba(x_test)[:, 1]
        result = {
            "accuracy": accuracy_score(y_test, chance > 0.5),
            "auc": roc_auc_score(y_test, chance),
            "log_loss": log_loss(y_test, chance),
        }
        mlflow.log_metrics(result)
        logged = mlflow.sklearn.log_model(
            pipeline,
            name="model",
            signature=infer_signature(x_test, pipeline.predict(x_test)),
            input_example=x_test.head(2),
            pip_requirements=["scikit-learn", "pandas"],
        )
        return {"name": name, "run": run.info.run_id, "uri": logged.model_uri, **result}


def own(model: Any) -> JSON:
    """The parameters that were chosen, not every default."""
    chosen = model.get_params()
    return {key: chosen[key] for key in ("C", "gamma", "var_smoothing") if key in chosen}


def curve(rate: float, epochs: int = 40) -> JSON:
    """A run that logs as it learns: loss and accuracy after each epoch."""
    x, x_test, y, y_test = data()
    scaler = StandardScaler().fit(x)
    model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=rate, random_state=SEED)
    with mlflow.start_run(run_name=f"sgd-{rate:g}", nested=True) as run:
        mlflow.log_params({"model": "SGDClassifier", "learning_rate": rate, "seed": SEED})
        for epoch in range(epochs):
            model.partial_fit(scaler.transform(x), y, classes=[0, 1])
            chance = model.predict_proba(scaler.transform(x_test))
            loss, accuracy = log_loss(y_test, chance, labels=[0, 1]), accuracy_score(y_test, chance[:, 1] > 0.5)
            mlflow.log_metrics({"loss": loss, "accuracy": accuracy}, step=epoch)
        return {"name": f"sgd-{rate:g}", "run": run.info.run_id}


def explore() -> JSON:
    """A search: a parent run with its children."""
    tried = []
    with mlflow.start_run(run_name="search"):
        for c in (0.001, 0.1, 1.0):
            tried.append(fit(f"logistic-{c:g}", LogisticRegression(C=c, max_iter=500)))
        for gamma in (0.01, 1.0):
            tried.append(fit(f"svm-{gamma:g}", SVC(gamma=gamma, probability=True, random_state=SEED)))
        tried.append(fit("naive-bayes", GaussianNB()))
        curves = [curve(rate) for rate in (0.0005, 0.01)]
    return {"tried": tried, "curves": curves}


def careless() -> JSON:
    """Somebody's change in the data preparation: it trains without an error."""
    return fit("logistic-refactored", LogisticRegression(C=1.0, max_iter=500), shuffled=True)


def register(uri: str) -> JSON:
    return {"version": mlflow.register_model(uri, MODEL).version}


def promote(version: str) -> JSON:
    """What a deployment script does; the registry may say no."""
    try:
        MlflowClient().set_registered_model_alias(MODEL, ALIAS, version)
    except MlflowException as error:
        return {"refused": error.message, "code": error.error_code}
    return {"moved": version}


def predict() -> JSON:
    """What a service does: load whatever the alias names, and use it."""
    _, x_test, _, y_test = data()
    model = mlflow.sklearn.load_model(f"models:/{MODEL}@{ALIAS}")
    version = MlflowClient().get_model_version_by_alias(MODEL, ALIAS).version
    return {"version": version, "accuracy": accuracy_score(y_test, model.predict(x_test))}


def main(step: str, *arguments: str) -> None:
    warnings.filterwarnings("ignore")
    if step in ("explore", "careless"):
        mlflow.set_experiment(EXPERIMENT)
    steps: dict[str, Callable[..., JSON]] = {
        "explore": explore,
        "careless": careless,
        "register": register,
        "promote": promote,
        "predict": predict,
    }
    print(json.dumps(steps[step](*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
