"""Names that come from a source are hostile until checked: what a path of an artifact may be, and which folders of
this machine a source may point at."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from triops.sdk.importing.source import ArtifactFile, Problems, SourceError

_PATH_BYTES = 1000
_PIECE = 1 << 20
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
PROXIED = "mlflow-artifacts"


def safe_path(path: str) -> str:
    """`path` as it is. Raises: SourceError unless it is relative, without `.`, `..`, empty parts, backslashes, or
    control characters, and at most 1,000 bytes."""
    parts = path.split("/")
    if (
        not path
        or any(part in ("", ".", "..") for part in parts)
        or "\\" in path
        or any(ord(c) < 32 or ord(c) == 127 for c in path)
        or _SCHEME.match(parts[0]) is not None
        or len(path.encode("utf-8", "surrogatepass")) > _PATH_BYTES
    ):
        raise SourceError(f"{path[:120]!r} is no path that an artifact may have")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise SourceError(f"{path[:120]!r} is not Unicode") from None
    return path


def scheme_of(uri: str) -> str:
    """The scheme of a URI in lower case; "" of a plain path."""
    match = _SCHEME.match(uri)
    if match is None or (len(match[0]) == 2 and os.name == "nt"):
        return ""
    return match[0][:-1].lower()


def proxied_path(uri: str) -> str:
    """What lies behind `mlflow-artifacts:`; "" for another scheme."""
    return urlsplit(uri).path.strip("/") if scheme_of(uri) == PROXIED else ""


class Folders:
    """The folders that a source on disk may read artifacts from: never one that only its own data names."""

    def __init__(self, allowed: Sequence[Path], proxied: Path | None) -> None:
        """`proxied`: what `mlflow-artifacts:/` stands for."""
        self._allowed = [folder.resolve() for folder in allowed]
        self._proxied = proxied.resolve() if proxied else None

    def find(self, uri: str) -> Path | None:
        """The folder of an artifact root, perhaps one that was never made; None where it is none of ours to read."""
        scheme = scheme_of(uri)
        if scheme == PROXIED:
            inner = unquote(proxied_path(uri))
            if self._proxied is None or not inner:
                return None
            try:
                path = self._proxied / safe_path(inner)
            except SourceError:
                return None
        elif scheme == "file":
            path = Path(unquote(urlsplit(uri).path))
        elif scheme == "" and uri:
            path = Path(uri)
        else:
            return None
        if not path.is_absolute():
            path = (self._allowed[0] / path) if self._allowed else path
        if "\0" in str(path):
            return None
        path = path.resolve()
        if not any(path.is_relative_to(folder) for folder in self._allowed):
            return None
        return path


def files_under(root: Path, problems: Problems | None = None) -> Iterator[ArtifactFile]:
    """Regular files, sorted; links are left out, since they may point anywhere, and so are unsafe names."""
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if not os.path.islink(os.path.join(folder, name)))
        for name in sorted(names):
            path = Path(folder, name)
            try:
                if path.is_symlink():
                    raise SourceError("it is a link")
                if path.is_file():
                    yield ArtifactFile(safe_path(path.relative_to(root).as_posix()), path.stat().st_size)
            except (SourceError, OSError) as error:
                if problems is not None:
                    problems.add(f"{str(path)!r} is left out: {error}")


def pieces_of(root: Path, file: ArtifactFile) -> Iterator[bytes]:
    try:
        with (root / file.path).open("rb") as opened:
            while piece := opened.read(_PIECE):
                yield piece
    except OSError as error:
        raise SourceError(f"{root / file.path}: {error}") from error
