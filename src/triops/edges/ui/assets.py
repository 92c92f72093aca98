"""The files of the web UI, in memory: what is served, in which encoding, under which version.

Owns reading the `static` folder once, compressing each file once, and the digest that names this set of files.
Does not know HTTP routes or sessions: the files are public and carry no data.
"""

import gzip
import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_WORTH_COMPRESSING = 512  # bytes; below it the gzip header eats the gain


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, the same gzipped (empty where that does not pay), its strong ETag and its type."""

    body: bytes
    gzipped: bytes
    etag: str
    content_type: str


class Assets:
    """Every servable file below a folder, by its relative path with `/`.

    A path that is not a key does not exist, so no request can climb out of the folder. Read on the first `load()`
    (about 100 ms, so never on an event loop) and kept: the folder ships with the package and does not change while
    the process runs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._files: dict[str, Asset] = {}
        self._version = ""

    @property
    def loaded(self) -> bool:
        return bool(self._version)

    @property
    def version(self) -> str:
        """Names this set of files; changes when any byte of any file does. Empty before `load()`."""
        return self._version

    def load(self) -> None:
        """Read and compress everything; safe to call from several threads and again."""
        with self._lock:
            if self._version:
                return
            files, whole = {}, hashlib.sha256()
            for path in sorted(self._folder.rglob("*")):
                if path.suffix in _TYPES and path.is_file():
                    name = path.relative_to(self._folder).as_posix()
                    files[name] = _asset(path)
                    whole.update(name.encode() + b"\0" + files[name].etag.encode())
            self._files, self._version = files, whole.hexdigest()[:12]

    def get(self, name: str) -> Asset | None:
        return self._files.get(name)

    def names(self) -> list[str]:
        return list(self._files)


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    small = gzip.compress(body, 6, mtime=0) if len(body) > _WORTH_COMPRESSING else b""
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    return Asset(body, small if len(small) < len(body) else b"", etag, _TYPES[path.suffix])
