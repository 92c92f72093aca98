"""Locations of artifacts: URIs under which they lie. Which ones a client may name, and which of them are ours to read.

A location that a client names is for clients: they read and write there themselves. To this server it is text, but
where it lies in the server's own store, or under the folder that its administrator set
(`docs/decisions/0006-what-a-location-may-be.md`).
"""

import re
from pathlib import Path
from urllib.parse import ParseResult, unquote, urlparse, urlsplit

from triops.kernel.errors import Invalid
from triops.lenses.mlops.artifacts.paths import safe_path

PROXIED = "mlflow-artifacts"
_ANCHOR = "/api/2.0/mlflow-artifacts/artifacts"
_LENGTH = 2048
_DECODED = 10
# Schemes whose locations name a host, to which a server that read them would connect.
_HOSTED = frozenset({"ftp", "sftp", "hdfs", "viewfs", "http", "https", "mlflow-artifacts", "r2", "b2", "abfss"})
_HERE = (None, "", ".", "localhost", "127.0.0.1")
_DRIVE = re.compile(r"[A-Za-z]:")


def check_location(uri: str, field: str, root: str = "") -> str:
    """A location as a client may name it, in the form to store: a relative path is made absolute, as MLflow does.

    `root`: the administrator's, whose host may be named. Raises: Invalid, in MLflow's words.
    """
    parts = _parsed(uri, field)
    if parts.params or "#" in uri:
        raise Invalid(f"'{field}' URL can't include fragments or params.", field=field)
    if ".." in _decoded(parts.query):
        raise Invalid("Invalid query string", field=field)
    check_scheme(uri, field, root)
    if uri.startswith("runs:"):
        raise Invalid(f"Artifact location cannot be a runs:/ URI. Given: '{uri[:200]}'", field=field)
    if len(uri) > _LENGTH:
        raise Invalid(
            "Invalid artifact path length. The length of the artifact path cannot be "
            f"greater than {_LENGTH} characters. To configure this limit, please set the "
            "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.",
            field=field,
        )
    if parts.scheme == PROXIED:
        safe_path(parts.path.lstrip("/"), root=True)
    if parts.scheme == "file" and parts.hostname not in _HERE:
        raise Invalid(f"{uri} is not a valid remote uri.", field=field)
    return _absolute(uri, parts)


def _absolute(uri: str, parts: ParseResult) -> str:
    """No file is looked at."""
    if parts.scheme == "file" and not parts.netloc and parts.path[:1] not in ("", "/"):
        return parts._replace(netloc="", path=str(Path.cwd() / parts.path)).geturl()
    if not parts.scheme and not uri.startswith("/"):
        return str(Path.cwd() / uri)
    return uri


def check_scheme(uri: str, field: str, root: str = "") -> None:
    """Refuse what names a host, but for the administrator's own `root`. MLflow asks this of model versions' sources
    too. Raises: Invalid."""
    parts = _parsed(uri, field)
    if not uri.isprintable():
        raise Invalid(f"'{field}' can't include control characters.", field=field)
    trusted = bool(parts.netloc) and parts.netloc == urlsplit(root).netloc
    if parts.scheme in _HOSTED and (parts.scheme != PROXIED or parts.netloc) and not trusted:
        raise Invalid(
            f"'{field}' cannot use the '{parts.scheme}' scheme: the '{parts.scheme}' scheme addresses a host other "
            "than the tracking server's configured artifact storage, so the server would connect to the host named in "
            "the URI. Set the MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to "
            "allow it.",
            field=field,
        )


def proxied_path(uri: str) -> str | None:
    """Where in the server's own store a location lies, or None when it lies elsewhere. Raises: Invalid path."""
    parts = urlsplit(uri)
    if parts.scheme == PROXIED:
        return safe_path(parts.path.lstrip("/"), root=True)
    if parts.scheme in ("http", "https") and f"{parts.path}/".startswith(f"{_ANCHOR}/"):
        return safe_path(parts.path.removeprefix(_ANCHOR).lstrip("/"), root=True)
    return None


def folder_path(uri: str) -> str | None:
    """The path that a `file:` location or an absolute path names, or None."""
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.hostname in (None, "", "localhost"):
        return unquote(parts.path)
    return uri if uri.startswith("/") else None


def checked_root(uri: str) -> str:
    """The root that an administrator set, in the form in which runs get it: without a last slash, absolute.

    Raises: Invalid for a scheme that is not spoken.
    """
    parts = urlsplit(uri)
    if parts.fragment or parts.query:
        raise Invalid("an artifact root is a location without query or fragment", field="mlops.artifact_root", got=uri)
    if parts.scheme in ("", "file") and not _DRIVE.match(uri):
        path = folder_path(uri) if parts.scheme else uri
        if path and ".." not in path.split("/"):
            absolute = Path(path).absolute()
            return absolute.as_uri() if parts.scheme else str(absolute)
    elif proxied_path(uri) is not None:
        return uri if uri.endswith(":/") else uri.rstrip("/")
    elif parts.scheme == "s3" and parts.netloc:
        return uri.rstrip("/")
    raise Invalid(
        "not an artifact root",
        field="mlops.artifact_root",
        got=uri,
        expected="mlflow-artifacts:/, a path, file: or s3:",
    )


def _parsed(uri: str, field: str) -> ParseResult:
    try:
        return urlparse(uri)
    except ValueError:
        raise Invalid(f"'{field}' is not a URI: '{uri[:200]}'", field=field) from None


def _decoded(text: str) -> str:
    for _ in range(_DECODED):
        if (decoded := unquote(text)) == text:
            return text
        text = decoded
    raise Invalid("Invalid query string")
