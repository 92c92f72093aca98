"""Where a version may come from. A source is a string that clients read from: what must never be is that it names
another's files, so MLflow's rules hold (CVE-2023-1177 and its kin): local paths and proxied artifacts only inside the
run or logged model that the request names, no relative path in any disguise, no host of the caller's choice."""

import posixpath
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit, urlunsplit

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.version import ModelVersion
from triops.lenses.mlops.registry.names import URI_CHARACTERS, bounded
from triops.lenses.mlops.registry.origins import ModelOrigin, Origins

PROMPT_SOURCES = ("dummy-source", "prompt-template")
_LOCAL_HOSTS = (".", "localhost", "127.0.0.1")
_UNQUOTES = 10


@dataclass(frozen=True, slots=True)
class Source:
    """What a version keeps: the source as it is shown, where the files are, and what made it."""

    uri: str
    storage: str
    run: str
    model_id: str


@dataclass(frozen=True, slots=True)
class ModelUri:
    """`models:/…`: either `model_id`; or `name` with `version`, `stage` or `alias`, or none of them: the latest."""

    model_id: str = ""
    name: str = ""
    version: str = ""
    stage: str = ""
    alias: str = ""
    text: str = ""  # as it was given


# Finds the version that a `models:/name/…` names. Raises: NotFound, Invalid.
Resolve = Callable[[ProjectId, ModelUri], Awaitable[ModelVersion]]


class Sources:
    """`check_scheme` raises Invalid for a source that names a host of the caller's choice."""

    def __init__(self, origins: Origins, resolve: Resolve, check_scheme: Callable[[str], None]) -> None:
        self._origins = origins
        self._resolve = resolve
        self._check_scheme = check_scheme

    async def checked(
        self, project: ProjectId, source: str, run: str | None, model_id: str | None, *, prompt: bool
    ) -> Source:
        """`run` and `model_id` are None where the request has none. Raises: Invalid, NotFound."""
        bounded("source", source, URI_CHARACTERS)
        if prompt:
            if source not in PROMPT_SOURCES:
                raise Invalid(
                    f"Invalid prompt source: '{source}'. Prompt sources must use an MLflow placeholder.", field="source"
                )
            return Source(source, source, run or "", model_id or "")
        self._check_scheme(source)
        source = _straight(source)
        parts = _split(source)
        if parts.scheme != "models":
            await self._check(project, source, parts, run or "", model_id or "")
            model = await self._need_model(project, model_id) if model_id else None
            return Source(source, source, run or (model.run if model is not None else ""), model_id or "")
        if parts.netloc:
            raise Invalid(
                f"Invalid model version source: '{source}'. Registered model sources must use the active model "
                "registry.",
                field="source",
            )
        uri = model_uri(source)
        if uri.model_id:
            return await self._of_logged_model(project, source, parts, uri.model_id, run or "", model_id or "")
        origin = await self._resolve(project, uri)
        if (run is not None and run != origin.run) or (model_id is not None and model_id != origin.model_id):
            raise Invalid(
                f"Invalid model version source: '{source}'. The run_id and model_id request parameters must match the "
                "referenced model version.",
                field="source",
            )
        _refuse_relative(source)
        return Source(f"models:/{origin.name}/{origin.version}", origin.storage, origin.run, origin.model_id)

    async def _of_logged_model(
        self, project: ProjectId, source: str, parts: SplitResult, id: str, run: str, model_id: str
    ) -> Source:
        await self._check(project, source, parts, run, model_id)
        model = await self._origins.logged_model(project, id)
        if model is None:
            raise Invalid(
                f"Unable to fetch model from model URI source artifact location '{source}'."
                f"Error: Logged model with ID '{id}' not found.",
                field="source",
            )
        return Source(source, model.artifact_location, run or model.run, model_id)

    async def _need_model(self, project: ProjectId, id: str) -> ModelOrigin:
        model = await self._origins.logged_model(project, id)
        if model is None:
            raise NotFound(f"Logged model with ID '{id}' not found.")
        return model

    async def _check(self, project: ProjectId, source: str, parts: SplitResult, run: str, model_id: str) -> None:
        by = "model_id" if model_id else "run_id"
        if _is_local(parts, source):
            root = await self._root(project, source, run, model_id)
            if root is None or not _inside_folder(source, root):
                raise Invalid(
                    f"Invalid model version source: '{source}'. To use a local path as a model version source, the "
                    f"{by} request parameter has to be specified and the local path has to be contained within the "
                    f"artifact directory of the run specified by the {by}.",
                    field="source",
                )
            return
        _refuse_relative(source)
        if parts.scheme == "runs":
            if parts.netloc or model_id:
                _refuse(source, by)
            if not run or run_of(source) != run:
                _refuse(source, "run_id")
        elif parts.scheme == "models":
            if not model_id or model_uri(source).model_id != model_id:
                _refuse(source, "model_id")
        elif _is_proxied(source):
            root = await self._root(project, source, run, model_id)
            if root is None or not _inside(source, root):
                _refuse(source, by)

    async def _root(self, project: ProjectId, source: str, run: str, model_id: str) -> str | None:
        """Where the artifacts of the named run or logged model are; None where none is named. Raises: Invalid when
        there is no such run or model."""
        if model_id:
            model = await self._origins.logged_model(project, model_id)
            return model.artifact_location if model is not None else _refuse(source, "model_id")
        if run:
            found = await self._origins.run(project, run)
            return found.artifact_uri if found is not None else _refuse(source, "run_id")
        return None


def model_uri(uri: str) -> ModelUri:
    """Raises: Invalid."""
    path = urlsplit(uri, allow_fragments=False).path
    parts = path.lstrip("/").split("/")
    if not path.startswith("/") or len(path) <= 1 or len(parts) > 2 or not parts[0].strip():
        _refuse(uri, "model_id")
    if len(parts) == 2:
        name, suffix = parts
        if not suffix.strip():
            _refuse(uri, "model_id")
        if suffix.isdigit():
            return ModelUri(name=name, version=suffix, text=uri)
        stage = "" if suffix.lower() == "latest" else suffix
        return ModelUri(name=name, stage=stage, text=uri)
    name, at, alias = parts[0].rpartition("@")
    if at:
        if not name or not alias.strip():
            _refuse(uri, "model_id")
        return ModelUri(name=name, alias=alias, text=uri)
    return ModelUri(model_id=parts[0])


def model_named(source: object) -> str:
    """The registered model that a source `models:/name/…` names; "" where it names none."""
    try:
        if isinstance(source, str) and urlsplit(source).scheme == "models":
            return model_uri(source).name
    except (Invalid, ValueError):
        pass  # the call itself is refused
    return ""


def run_of(uri: str) -> str:
    """The run of `runs:/<run>/path`. Raises: Invalid."""
    path = urlsplit(uri).path
    run = path[1:].split("/")[0]
    if not path.startswith("/") or not run:
        raise Invalid(
            f"Not a proper runs:/ URI: {uri}. "
            "Runs URIs must be of the form 'runs:/<run_id>/run-relative/path/to/artifact'",
            field="source",
        )
    return run


def _split(source: str) -> SplitResult:
    try:
        return urlsplit(source)
    except ValueError:
        raise Invalid(f"Invalid model version source: '{source}'.", field="source") from None


def _straight(source: str) -> str:
    """A local path without the `..` that is written out in it, so that what is checked is what is kept and read."""
    parts = _split(source)
    path = parts.path if parts.scheme == "file" else source
    if parts.scheme not in ("", "file") or ".." not in path.split("/"):
        return source
    path = posixpath.normpath(path)
    return urlunsplit(parts._replace(path=path)) if parts.scheme == "file" else path


def _is_local(parts: SplitResult, source: str) -> bool:
    if parts.scheme not in ("", "file"):
        return False
    host = parts.hostname if parts.scheme == "file" else None
    if host and not host.startswith(_LOCAL_HOSTS):
        raise Invalid(f"{source} is not a valid remote uri.", field="source")
    return True


def _inside_folder(source: str, root: str) -> bool:
    """By their words alone: nothing on this machine's disk is asked."""
    return _split(root).scheme in ("", "file") and _within(_folder(source), _folder(root))


def _folder(uri: str) -> tuple[str, ...] | None:
    path = _unquoted(_split(uri).path if uri.startswith("file:") else uri)
    if "\x00" in path or "\\" in path or ".." in path.split("/"):
        return None
    absolute = path.startswith("/")
    return ("/" if absolute else ".", *(p for p in path.split("/") if p not in ("", ".")))


def _within(inner: tuple[str, ...] | None, outer: tuple[str, ...] | None) -> bool:
    return inner is not None and outer is not None and len(outer) > 1 and inner[: len(outer)] == outer


def _refuse_relative(source: str) -> None:
    whole = _unquoted(source)
    path = re.sub("/+", "/", _split(whole).path.rstrip("/"))
    if "\x00" in path or ".." in whole.split("/") or not path.startswith("/") or posixpath.normpath(path) != path:
        raise Invalid(
            f"Invalid model version source: '{source}'. If supplying a source as an http, https, "
            "local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be "
            "provided without relative path references present. Please provide an absolute path.",
            field="source",
        )


def _unquoted(text: str) -> str:
    """Raises: Invalid for what is quoted over and over."""
    for _ in range(_UNQUOTES):
        plain = unquote_plus(text)
        if plain == text:
            return text
        text = plain
    raise Invalid("Invalid model version source: it is quoted too many times over.", field="source")


def _parts(uri: str) -> tuple[str, str, tuple[str, ...]]:
    split = _split(uri)
    path = tuple(_unquoted_part(part) for part in split.path.split("/") if part)
    return split.scheme.lower(), split.netloc.lower(), path


def _unquoted_part(part: str) -> str:
    for _ in range(_UNQUOTES):
        part = unquote(part)
    return part


def _inside(source: str, root: str) -> bool:
    scheme, host, path = _parts(source)
    root_scheme, root_host, root_path = _parts(root)
    return (scheme, host) == (root_scheme, root_host) and bool(root_path) and path[: len(root_path)] == root_path


def _is_proxied(source: str) -> bool:
    return _parts(source)[0] == "mlflow-artifacts"


def _refuse(source: str, by: str) -> NoReturn:
    raise Invalid(
        f"Invalid model version source: '{source}'. The {by} request parameter must "
        "identify the resource that contains the source.",
        field="source",
    )
