"""Request bodies, read and decompressed within bounds.

At a bound: a body that is too large as received or once decompressed is TooLarge (decompression stops there, so a bomb
costs no more than the bound); more bytes in flight over all requests than `Limits.queued_bytes` is Overloaded; a body
that does not arrive in `ARRIVAL_S` seconds is Unavailable, so that the sender tries again.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

import cramjam
from starlette.requests import ClientDisconnect, Request

from triops.kernel.errors import Invalid, Overloaded, TooLarge, Unavailable, Unsupported
from triops.kernel.limits import Limits

T = TypeVar("T")
JSON_BYTES = 8 << 20  # JSON becomes up to twenty times its size in objects; a larger JSON body is TooLarge
MESSAGE_BYTES = 8 << 20  # one row in its protocol's bytes; a larger row is refused, its neighbours are kept
INLINE_BYTES = 256 << 10  # more than this is decompressed and decoded in a worker thread
ARRIVAL_S = 60.0
_TOLD, _BARE = 47, -15  # zlib's window bits: gzip or zlib, told by the header; deflate without a header


@dataclass
class Bodies:
    """`in_flight` counts the bytes of all bodies that are held now, as received and decompressed."""

    limits: Limits
    in_flight: int = 0

    @asynccontextmanager
    async def read(
        self, request: Request, encoding: str | None = None, most: int | None = None
    ) -> AsyncIterator[bytes]:
        """The decompressed body, counted as in flight for the length of the block. `encoding`: instead of the header.
        `most`: a lower bound than `Limits.body_bytes`, for what grows when it is parsed.

        Raises: TooLarge, Overloaded, Invalid (corrupt, cut short), Unavailable (too slow), Unsupported encoding.
        """
        with self._holding() as hold:
            if encoding is None:
                encoding = request.headers.get("content-encoding", "")
            limit = min(most or self.limits.body_bytes, self.limits.body_bytes)
            raw = await self._receive(request, hold, min(limit, self.limits.compressed_bytes) if encoding else limit)
            body = await self._decompressed(raw, encoding, limit)
            if body is not raw:
                hold(len(body))
            yield body

    @asynccontextmanager
    async def opened(self, raw: bytes, encoding: str) -> AsyncIterator[bytes]:
        """The same for a body that a transport has read already."""
        with self._holding() as hold:
            hold(len(raw))
            body = await self._decompressed(raw, encoding, self.limits.body_bytes)
            if body is not raw:
                hold(len(body))
            yield body

    @contextmanager
    def _holding(self) -> Iterator[Callable[[int], None]]:
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            if self.in_flight + size > self.limits.queued_bytes:
                raise Overloaded("too many request bytes are waiting")
            held += size
            self.in_flight += size

        try:
            yield hold
        finally:
            self.in_flight -= held

    async def _receive(self, request: Request, hold: Callable[[int], None], bound: int) -> bytes:
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > bound:
            raise TooLarge(f"the body is larger than {bound} bytes", bytes=int(declared), limit=bound)
        chunks, size = [], 0
        try:
            async with asyncio.timeout(ARRIVAL_S):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > bound:
                        raise TooLarge(f"the body is larger than {bound} bytes", limit=bound)
                    hold(len(chunk))
                    chunks.append(chunk)
        except TimeoutError:
            raise Unavailable(f"the body did not arrive in {ARRIVAL_S:.0f} s") from None
        except ClientDisconnect:
            raise Invalid("the client went away before the body was complete", field="body") from None
        return b"".join(chunks)

    async def _decompressed(self, raw: bytes, encoding: str, limit: int) -> bytes:
        """`encoding` as in Content-Encoding: none, identity, gzip, deflate or snappy (block format)."""
        match encoding.strip().lower():
            case "" | "identity":
                return raw
            case "gzip" | "x-gzip" | "deflate":
                bare = encoding.strip().lower() == "deflate" and not _has_header(raw)
                inflate = _Inflate(raw, limit, _BARE if bare else _TOLD)
                head = inflate.up_to(INLINE_BYTES)
                return head if inflate.done else head + await asyncio.to_thread(inflate.rest)
            case "snappy":
                return await off_loop(len(raw), unsnap, raw, limit)
            case other:
                raise Unsupported(f"content encoding {other[:40]!r} is not spoken here; gzip, deflate and snappy are")


def _has_header(raw: bytes) -> bool:
    """Whether deflate comes in zlib's (or gzip's) frame, as it should, and not bare, as some senders have it. No bare
    stream begins so: its first bits would be a reserved block type, or a stored block with padding that is not zero."""
    head = raw[:2]
    return head == b"\x1f\x8b" or (len(head) == 2 and head[0] & 15 == 8 and int.from_bytes(head, "big") % 31 == 0)


class _Inflate:
    """gzip (all its members), zlib or bare deflate, in steps."""

    def __init__(self, raw: bytes, limit: int, form: int = _TOLD) -> None:
        self._left = raw
        self._limit = limit
        self._size = 0
        self._form = form
        self._stream = zlib.decompressobj(form)
        self.done = False

    def up_to(self, size: int) -> bytes:
        out = []
        while size > 0 and not self.done:
            try:
                piece = self._stream.decompress(self._left, size)
            except zlib.error as error:
                raise Invalid("the body is not what its content encoding says", field="content-encoding") from error
            out.append(piece)
            size -= len(piece)
            self._size += len(piece)
            if self._size > self._limit:
                raise TooLarge(f"the decompressed body is larger than {self._limit} bytes", limit=self._limit)
            self._left = self._stream.unconsumed_tail
            if self._stream.eof:
                self._left = self._stream.unused_data
                self.done = not self._left
                self._stream = zlib.decompressobj(self._form)
            elif not self._left and not piece:
                raise Invalid("the compressed body is cut short", field="content-encoding")
        return b"".join(out)

    def rest(self) -> bytes:
        return self.up_to(self._limit - self._size + 1)


def inflate(raw: bytes, limit: int) -> bytes:
    """All of a gzip or zlib body. Raises: Invalid, TooLarge."""
    return _Inflate(raw, limit).rest()


def unsnap(raw: bytes, limit: int) -> bytes:
    """Snappy's block format, whose first varint says how large it becomes. Raises: Invalid, TooLarge."""
    try:
        declared = cramjam.snappy.decompress_raw_len(raw)
        if declared > limit:
            raise TooLarge(f"the decompressed body is larger than {limit} bytes", bytes=declared, limit=limit)
        if declared > 128 * len(raw) + 64:  # no snappy block is denser: do not reserve what cannot come
            raise Invalid("the body is not a snappy block", field="body")
        return bytes(cramjam.snappy.decompress_raw(raw))
    except cramjam.DecompressionError as error:
        raise Invalid("the body is not a snappy block", field="body") from error


async def off_loop(size: int, work: Callable[..., T], *args: object) -> T:
    """`work(*args)`, in a worker thread when its input is large enough to hold the event loop for milliseconds."""
    return await asyncio.to_thread(work, *args) if size > INLINE_BYTES else work(*args)


def media_type(content_type: str) -> str:
    """`application/json; charset=utf-8` → `application/json`."""
    return content_type.partition(";")[0].strip().lower()


def request_digest(project: str, kind: str, body: bytes) -> bytes:
    """What makes two requests of a project the same one: 16 bytes of BLAKE2b over the decompressed body. Only for
    payloads that carry their own timestamps; equal ones without may well be two events."""
    return blake2b(body, digest_size=16, key=f"{kind}\0{project}".encode()[:64]).digest()
