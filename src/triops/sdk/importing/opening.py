"""Which kind of source an address or a path is."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from triops.sdk.credentials import mlflow_credentials
from triops.sdk.importing.files import FilesSource
from triops.sdk.importing.paths import Folders
from triops.sdk.importing.rest import RestSource
from triops.sdk.importing.source import Source, SourceError
from triops.sdk.importing.sqlite import SqliteSource

_TIMEOUT_S = 120.0
_DATABASES = ("mlflow.db", "mlruns.db")
_FOLDERS = ("mlartifacts", "mlruns", "artifacts")


def open_source(where: str, artifacts: Sequence[Path] = ()) -> Source:
    """`where`: http(s) address of a server, `sqlite:///path`, a database's file, a folder `mlruns`, or a folder that
    has one of these in it. `artifacts`: further folders that artifacts may be read from, the first being what
    `mlflow-artifacts:/` stands for. Raises: SourceError.
    """
    scheme = urlsplit(where).scheme.lower()
    if scheme in ("http", "https"):
        return RestSource(httpx.Client(base_url=where.rstrip("/"), timeout=_TIMEOUT_S, headers=mlflow_credentials()))
    if scheme == "sqlite":
        path = Path(where.split(":///", 1)[-1])
    elif scheme == "file":
        path = Path(urlsplit(where).path)
    elif scheme and not (len(scheme) == 1 and os.name == "nt"):
        raise SourceError(f"{where[:200]} is none of http, https, sqlite, a file or a folder")
    else:
        path = Path(where)
    if not path.exists():
        raise SourceError(f"{path} is not there")
    if path.is_dir() and not _is_file_store(path):
        path = _inside(path)
    if path.is_file():
        beside = [path.parent / name for name in _FOLDERS if (path.parent / name).is_dir()]
        folders = [*artifacts, *beside]
        return SqliteSource(path, Folders(folders, folders[0] if folders else None))
    return FilesSource(path, Folders([*artifacts, path], artifacts[0] if artifacts else None))


def _inside(folder: Path) -> Path:
    for name in _DATABASES:
        if (folder / name).is_file():
            return folder / name
    if _is_file_store(folder / "mlruns"):
        return folder / "mlruns"
    raise SourceError(f"{folder} holds neither mlflow.db nor mlruns")


def _is_file_store(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*/meta.yaml"))
