"""Files of runs and logged models: read, hashed and sent, several owners at a time."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from triops.sdk.importing.paths import proxied_path, scheme_of
from triops.sdk.importing.receiver import Receiver
from triops.sdk.importing.source import ArtifactFile, Owner, Problems, Source, SourceError
from triops.sdk.importing.tally import Tally

Sent = tuple[str, list[tuple[ArtifactFile, int, str]]]  # the owner's id; file, size, SHA-256
_WRITTEN = ("", "file", "mlflow-artifacts")  # schemes of places that a server may write
_AT_ONCE = 4
_AHEAD = 32


class Uploads:
    """A file that has the right bytes at the receiver is not sent; one that fails is a problem, not the end.

    `add` waits while more than a few owners are under way, and `__exit__` until all are done.
    """

    def __init__(
        self,
        source: Source,
        receiver: Receiver,
        problems: Problems,
        tally: Tally,
        progress: Callable[[str, int], None],
    ) -> None:
        self._source = source
        self._receiver = receiver
        self._problems = problems
        self._tally = tally
        self._progress = progress
        self._pool = ThreadPoolExecutor(_AT_ONCE, "artifacts")
        self._under_way: deque[Future[Sent]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish(0)
        self._pool.shutdown(cancel_futures=True)

    def add(self, owners: Iterable[tuple[Owner, str]]) -> None:
        """Each with its artifacts' place at the receiver. Those that stay where they were are not touched."""
        for owner, place in owners:
            if proxied_path(place) or place.rstrip("/") != owner.artifact_uri.rstrip("/"):
                self._under_way.append(self._pool.submit(self._send, owner, place))
                self._finish(_AHEAD)

    def _finish(self, left: int) -> None:
        while len(self._under_way) > left:
            owner, files = self._under_way.popleft().result()
            for file, size, digest in files:
                self._tally.artifact(owner, file.path, size, digest)
            self._progress("artifacts", len(files))

    def _send(self, owner: Owner, place: str) -> Sent:
        files = self._source.artifacts(owner)
        if files is None:
            self._problems.add(f"artifacts of {owner.id} are out of reach: {owner.artifact_uri[:200]}")
            return owner.id, []
        if scheme_of(place) not in _WRITTEN:
            if left := sum(1 for _ in files):
                self._problems.add(
                    f"{left} artifacts of {owner.id} are left out: this server's artifact root is {place[:200]}, which "
                    "it does not write; copy them there yourself"
                )
            return owner.id, []
        sent: list[tuple[ArtifactFile, int, str]] = []
        there: dict[str, tuple[int, str]] | None = None
        for file in files:
            if there is None:
                there = dict(self._receiver.digests(place)) if proxied_path(place) else {}
            try:
                size, digest = self._copy(owner, place, file, there.get(file.path))
            except SourceError as error:
                self._problems.add(f"artifact of {owner.id} is left out: {error}")
            else:
                sent.append((file, size, digest))
        return owner.id, sent

    def _copy(self, owner: Owner, place: str, file: ArtifactFile, known: tuple[int, str] | None) -> tuple[int, str]:
        if known is not None and file.size in (known[0], -1):
            hashing = _Hashing(self._source.open(owner, file))
            for _ in hashing:
                pass
            if (hashing.size, hashing.hexdigest) == known:
                return known
        hashing = _Hashing(self._source.open(owner, file))
        self._receiver.upload(place, file, hashing)
        return hashing.size, hashing.hexdigest


class _Hashing:
    """Pieces as they pass by."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._hash = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._hash.update(piece)
            self.size += len(piece)
            yield piece

    @property
    def hexdigest(self) -> str:
        return self._hash.hexdigest()
