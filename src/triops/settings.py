"""Every setting, in one typed tree. The only reader of the environment and of settings files.

Order: defaults, then `triops.toml` (or `--settings FILE`), then `TRIOPS_<SECTION>_<KEY>` variables, then flags.
An unknown key or a wrong value stops the start with an error that names the key and where it came from.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from triops.kernel.errors import Invalid


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(_Section):
    host: str = Field("127.0.0.1", description="address to listen on; beyond loopback only when an admin key exists")
    port: int = Field(7333, ge=0, le=65535, description="one port for every protocol; 0 picks a free one")
    data: Path = Field(Path("triops-data"), description="the data folder")
    grpc_port: int = Field(4317, ge=0, le=65535, description="a second port for OTLP/gRPC when free; 0: none")
    public_url: str = Field("", description="how people reach the UI, for links in notices")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="what goes to standard error")


class Limits(_Section):
    body_mb: int = Field(64, ge=1, le=1024, description="a request body, decompressed")
    queued_requests: int = Field(4096, ge=16, le=1_000_000, description="waiting for a commit; over it: 429")
    queued_mb: int = Field(256, ge=16, le=65536, description="their bytes; over it: 429")


class Store(_Section):
    memory_mb: int = Field(256, ge=64, le=1_000_000, description="what the telemetry engine may use for queries")
    threads: int = Field(0, ge=0, le=256, description="of the telemetry engine; 0: one a core it may use, at most 4")
    attached_days: int = Field(32, ge=2, le=400, description="day files held open at once")


class Retention(_Section):
    metrics_days: int = Field(30, ge=1, le=3650, description="days that metrics are kept")
    logs_days: int = Field(14, ge=1, le=3650, description="days that logs are kept")
    spans_days: int = Field(14, ge=1, le=3650, description="days that spans are kept")
    llm_content_days: int = Field(
        0,
        ge=0,
        le=3650,
        description="days that messages, inputs and outputs of models' calls are kept, in experiments' traces too; "
        "0: as long as their spans",
    )
    anomalies_days: int = Field(90, ge=1, le=3650, description="days that anomalies are kept")
    entities_days: int = Field(7, ge=1, le=3650, description="an entity not seen for so long leaves the graph")


class Collector(_Section):
    enabled: bool = Field(True, description="watch the machine that the server runs on")
    every_s: float = Field(10.0, ge=1, le=3600, description="seconds between readings")
    log_files: tuple[str, ...] = Field((), description="files to follow, also as globs")
    processes: int = Field(10, ge=0, le=100, description="top processes by CPU and memory")


class Detection(_Section):
    enabled: bool = Field(True, description="whether detectors run")
    max_series: int = Field(
        100_000,
        ge=100,
        le=10_000_000,
        description="metric series of a project that are watched; the one seen longest ago is forgotten",
    )


class Actuators(_Section):
    commands: tuple[str, ...] = Field((), description="executables that runbooks may run: absolute paths or globs")
    http_prefixes: tuple[str, ...] = Field(
        ("http://127.0.0.1", "http://localhost", "http://[::1]"), description="URLs that runbooks may call"
    )
    env: tuple[str, ...] = Field((), description="environment variables that runbooks may read into headers")


class Notify(_Section):
    allow_private: bool = Field(True, description="whether notices may go to private addresses")


class Mlops(_Section):
    artifact_root: str = Field(
        "mlflow-artifacts:/",
        min_length=1,
        description="where runs' artifacts lie: the server's own store (mlflow-artifacts:/), or a file: or s3: URI "
        "that clients write to themselves",
    )
    artifact_gb: float = Field(
        1024.0, gt=0, le=1_000_000, description="the largest artifact that the server takes, in GiB"
    )
    deleted_days: float = Field(30.0, ge=0, description="days until deleted runs, models and their artifacts are freed")
    stalled_min: float = Field(
        30.0,
        gt=0,
        description="minutes of silence after which a running run is stalled, unless its own pace is slower",
    )


class Secrets(_Section):
    key: SecretStr = Field(
        SecretStr(""),
        description="what providers' credentials are encrypted with: 32 bytes as hexadecimal digits or base64",
    )
    file: Path | None = Field(
        None, description="where that key lies when it is not given here; absent: `secrets.key` in the data folder"
    )


class Gateway(_Section):
    enabled: bool = Field(True, description="whether model calls are served, in a process of their own")
    env: tuple[str, ...] = Field(
        (), description="variables that `api_key_env` may name, beside those that end in _KEY or _TOKEN"
    )
    body_mb: int = Field(64, ge=1, le=1024, description="the body of one call")
    connections: int = Field(20_000, ge=16, le=1_000_000, description="clients connected to the gateway at once")
    calls: int = Field(10_000, ge=1, le=1_000_000, description="calls in progress at once; over it: 429")
    record: Literal["full", "metadata", "none"] = Field(
        "full",
        description="what is kept of a call beside its figures, where neither route nor key says: what was "
        "said and answered, or nothing of it",
    )
    record_kb: int = Field(16, ge=1, le=1024, description="how much is kept of what was said, and of what was answered")
    journal_mb: int = Field(
        8192, ge=256, le=1 << 24, description="calls that are not in the books yet, on the disk; over it: 507"
    )


class Settings(_Section):
    server: Server = Server()
    limits: Limits = Limits()
    store: Store = Store()
    retention: Retention = Retention()
    collector: Collector = Collector()
    detection: Detection = Detection()
    actuators: Actuators = Actuators()
    notify: Notify = Notify()
    mlops: Mlops = Mlops()
    secrets: Secrets = Secrets()
    gateway: Gateway = Gateway()

    @property
    def loopback(self) -> bool:
        if self.server.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.server.host).is_loopback
        except ValueError:
            return False


def load(
    flags: Mapping[str, Any] | None = None, file: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Settings from all sources. `flags` are dotted keys, `{"server.port": 7000}`; None values count as not given.

    Raises: Invalid that names the key, its source, what came and what was expected.
    """
    tree: dict[str, dict[str, Any]] = {}
    sources: dict[str, str] = {}
    path = file or Path("triops.toml")
    if file is not None or path.is_file():
        _merge(tree, sources, _read(path), str(path))
    _merge(tree, sources, _from_environment(os.environ if environ is None else environ), "the environment")
    for dotted, value in (flags or {}).items():
        if value is not None:
            section, key = dotted.split(".", 1)
            _merge(tree, sources, {section: {key: value}}, f"--{key.replace('_', '-')}")
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        where = sources.get(".".join(str(part) for part in first["loc"][:2]), "the settings")
        if first["type"] == "extra_forbidden":
            raise Invalid(f"no setting is called {key} (in {where})", field=key) from error
        raise Invalid(f"setting {key} (from {where}): {first['msg']}", field=key, got=first["input"]) from error


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Invalid("the settings file does not exist", field="--settings", got=str(path)) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"cannot read the settings file: {error}", field="--settings", got=str(path)) from error


def _from_environment(environ: Mapping[str, str]) -> Mapping[str, Any]:
    tree: dict[str, dict[str, Any]] = {}
    for name, text in environ.items():
        section, _, key = name.removeprefix("TRIOPS_").lower().partition("_")
        if name.startswith("TRIOPS_") and section in Settings.model_fields and key:
            tree.setdefault(section, {})[key] = _list_or_text(section, key, text)
    return tree


def _list_or_text(section: str, key: str, text: str) -> Any:
    """Lists come as JSON or separated by commas."""
    model = Settings.model_fields[section].annotation
    field = model.model_fields.get(key) if isinstance(model, type) and issubclass(model, BaseModel) else None
    if field is None or "tuple" not in str(field.annotation):
        return text
    if text.lstrip().startswith("["):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return [part.strip() for part in text.split(",") if part.strip()]


def _merge(tree: dict[str, dict[str, Any]], sources: dict[str, str], new: Mapping[str, Any], where: str) -> None:
    for section, values in new.items():
        if not isinstance(values, Mapping):
            raise Invalid(f"{section} (in {where}) must be a section of settings", field=section, got=values)
        for key, value in values.items():
            tree.setdefault(section, {})[key] = value
            sources[f"{section}.{key}"] = where
