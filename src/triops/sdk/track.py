"""`triops.track()`: beside what an MLflow client logs, record what it takes to explain and repeat a run.

The record goes to the run as tags and as the artifact `triops/provenance.json`, by MLflow's own REST API. Training
comes first: nothing here raises, and nothing waits longer than a few seconds.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from triops.sdk import machine
from triops.sdk.code import code_at
from triops.sdk.credentials import mlflow_credentials

log = logging.getLogger(__name__)

FILE = "triops/provenance.json"
_TIMEOUT_S = 10.0
_TAG = 5000
JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tracked:
    """`record`: all that was found out. `run_id`: "" when no run was found; `problem` then says why, or what failed."""

    run_id: str = ""
    sent: bool = False
    problem: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)


def track(
    run_id: str | None = None,
    *,
    seed: int | str | None = None,
    url: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    diff: bool = True,
) -> Tracked:
    """Record commit, branch, uncommitted diff, packages, Python, machine, command, seed and names of environment
    variables for a run, and answer what was recorded. Never raises.

    `run_id`: without it `MLFLOW_RUN_ID`, else the active run of the `mlflow` that the caller has imported.
    `url`: without it that `mlflow`'s tracking URI, else `MLFLOW_TRACKING_URI`, else `TRIOPS_URL`.
    `folder`: where the code is; without it the folder of the script, else the current one.
    `diff=False` leaves the uncommitted diff out.
    """
    record: JSON = {}
    run = ""
    try:
        record = gathered(Path(folder) if folder is not None else _script_folder(), seed, diff=diff)
        run = run_id or os.environ.get("MLFLOW_RUN_ID") or _active_run()
        if not run:
            return _failed("there is no active run: call it inside `with mlflow.start_run():`, or pass run_id", record)
        where = url or _tracking_uri()
        if urlsplit(where).scheme not in ("http", "https"):
            return _failed(f"{where or 'no tracking URI'} is no server: set MLFLOW_TRACKING_URI", record, run)
        _send(where.rstrip("/"), run, record)
    except Exception as error:  # a training must not end for want of its record
        return _failed(f"{type(error).__name__}: {error}", record, run)
    return Tracked(run, True, "", record)


def gathered(folder: Path, seed: int | str | None = None, *, diff: bool = True) -> JSON:
    code = code_at(folder)
    shown = asdict(code) if code else None
    if shown is not None and not diff:
        shown["diff"] = ""
    return {
        "version": 1,
        "at": time.time(),
        "code": shown,
        "python": machine.python(),
        "machine": machine.machine(),
        "command": machine.command(),
        "folder": str(Path.cwd()),
        "seed": None if seed is None else str(seed),
        "environment": machine.environment(),
        "packages": machine.packages(),
    }


def tags_of(record: Mapping[str, Any]) -> dict[str, str]:
    """What of the record is worth searching by; MLflow's own names where it has them."""
    code, host = record.get("code") or {}, record["machine"]
    tags = {
        "mlflow.source.git.commit": code.get("version", ""),
        "mlflow.source.git.branch": code.get("branch", ""),
        "mlflow.source.git.repoURL": code.get("repository", ""),
        "mlflow.source.git.dirty": str(code["dirty"]).lower() if code else "",
        "triops.python": record["python"]["version"],
        "triops.host": host["host"],
        "triops.command": record["command"],
        "triops.seed": record["seed"] or "",
        "triops.provenance": FILE,
    }
    return {key: value[:_TAG] for key, value in tags.items() if value}


def _send(url: str, run: str, record: JSON) -> None:
    tags = [{"key": key, "value": value} for key, value in tags_of(record).items()]
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False, headers=_credentials()) as http:
        told = http.get("/api/2.0/mlflow/runs/get", params={"run_id": run})
        told.raise_for_status()
        uri = told.json()["run"]["info"].get("artifact_uri", "")
        if uri.startswith("mlflow-artifacts:"):
            path = quote(f"{urlsplit(uri).path.strip('/')}/{FILE}")
            body = json.dumps(record, ensure_ascii=True).encode()
            http.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=body).raise_for_status()
        else:
            tags = [tag for tag in tags if tag["key"] != "triops.provenance"]
        http.post("/api/2.0/mlflow/runs/log-batch", json={"run_id": run, "tags": tags}).raise_for_status()


def _credentials() -> dict[str, str]:
    return mlflow_credentials(os.environ.get("TRIOPS_KEY", ""))


def _active_run() -> str:
    mlflow = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow is not None else None
    return str(run.info.run_id) if run is not None else ""


def _tracking_uri() -> str:
    mlflow = sys.modules.get("mlflow")
    known = str(mlflow.get_tracking_uri()) if mlflow is not None else ""
    if urlsplit(known).scheme in ("http", "https"):
        return known
    return os.environ.get("MLFLOW_TRACKING_URI") or os.environ.get("TRIOPS_URL") or known


def _script_folder() -> Path:
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(main).resolve().parent if main else Path.cwd()


def _failed(problem: str, record: Mapping[str, Any], run: str = "") -> Tracked:
    log.warning("triops.track: %s", problem)
    return Tracked(run, False, problem, record)
