"""The noun, and how it is read from what runs carry: the record of `triops.track`, MLflow's tags, and the files that
MLflow writes beside a model. All of it came from clients: what does not fit is left out, never an error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import yaml

from triops.kernel.run import Input, Run

RECORD = "triops/provenance.json"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = 4000
_DIFF = 512 << 10
_MANY = 10_000
_SEEDS = ("seed", "random_seed", "random_state", "numpy_seed", "torch_seed")
_PINNED = re.compile(r"\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:(===?|~=|>=|<=|!=|<|>)\s*([^\s;#,]+))?")


@dataclass(frozen=True, slots=True)
class Code:
    """`dirty`: whether files differed from the commit; None where nobody said. `diff`: how, masked by who sent it."""

    version: str = ""
    branch: str = ""
    repository: str = ""
    dirty: bool | None = None
    diff: str = ""
    untracked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """`recorded`: by `triops.track`; otherwise it is what MLflow's own tags and files tell."""

    code: Code = Code()
    python: str = ""
    host: str = ""
    machine: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    seed: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    environment: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    recorded: bool = False


def of_record(raw: bytes) -> Provenance | None:
    """What `triops.track` wrote; None when it is not that."""
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict):
        return None
    code, python, machine = (_object(record.get(name)) for name in ("code", "python", "machine"))
    dirty = code.get("dirty")
    return Provenance(
        code=Code(
            _text(code.get("version")),
            _text(code.get("branch")),
            _text(code.get("repository")),
            dirty if isinstance(dirty, bool) else None,
            _text(code.get("diff"), _DIFF),
            _texts(code.get("untracked")),
        ),
        python=_text(python.get("version")),
        host=_text(machine.get("host")),
        machine={name: shown for name, value in machine.items() if (shown := _shown(value))},
        command=_text(record.get("command")),
        seed=_text(record.get("seed")) or None,
        packages={
            name[:200]: _text(version, 200) for name, version in list(_object(record.get("packages")).items())[:_MANY]
        },
        environment=_texts(record.get("environment")),
        recorded=True,
    )


def of_tags(run: Run) -> Provenance:
    """What MLflow's own tags tell, and a seed among the params."""
    tags = run.tags
    dirty = tags.get("mlflow.source.git.dirty", "").lower()
    return Provenance(
        code=Code(
            tags.get("mlflow.source.git.commit", ""),
            tags.get("mlflow.source.git.branch", ""),
            tags.get("mlflow.source.git.repoURL", ""),
            {"true": True, "false": False}.get(dirty),
            tags.get("mlflow.source.git.diff", ""),
        ),
        python=tags.get("triops.python", ""),
        host=tags.get("triops.host", ""),
        command=tags.get("triops.command", "") or tags.get("mlflow.source.name", ""),
        seed=tags.get("triops.seed") or next((run.params[name] for name in _SEEDS if name in run.params), None),
    )


def packages_of_requirements(raw: bytes) -> dict[str, str]:
    """`requirements.txt`: names and what they are pinned to (with the operator where that is not `==`)."""
    found: dict[str, str] = {}
    for line in raw.decode(errors="replace").splitlines()[:_MANY]:
        text = line.strip()
        if not text or text.startswith(("#", "-")):
            continue
        match = _PINNED.match(text)
        if match is not None:
            operator, version = match[2] or "", match[3] or ""
            found[match[1]] = version if operator in ("==", "===") else f"{operator}{version}"
    return found


def python_of_env(raw: bytes) -> str:
    """The Python of MLflow's `python_env.yaml`, or of its `conda.yaml`."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(raw, Loader=_LOADER)):
            return ""  # by aliases a few lines become billions
        env = yaml.load(raw, Loader=_LOADER)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        return ""
    env = _object(env)
    python = env.get("python")
    if python and isinstance(python, str | int | float):
        return str(python)[:_TEXT]
    dependencies = env.get("dependencies")
    for one in dependencies if isinstance(dependencies, list) else ():
        if isinstance(one, str) and one.startswith("python="):
            return one.removeprefix("python=").lstrip("=")[:_TEXT]
    return ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, most: int = _TEXT) -> str:
    return value[:most] if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one[:_TEXT] for one in value[:_MANY] if isinstance(one, str)) if isinstance(value, list) else ()


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_texts(value))[:_TEXT]
    return str(value)[:_TEXT] if isinstance(value, str | int | float) and value else ""
