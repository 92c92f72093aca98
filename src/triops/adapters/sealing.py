"""`ports.sealing` by AES-256-GCM, and the key's file.

A sealed secret is a version byte, a random nonce of 96 bits, and the ciphertext with its tag. The key is 32 bytes: from
a variable (64 hexadecimal digits or base64), else from a file of its own, mode 0600, made when it is first needed.
"""

import base64
import binascii
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from triops.kernel.errors import Invalid, Unavailable

_VERSION = b"\x01"
_NONCE, _KEY = 12, 32


class AesSealing:
    """`given`: the key as text, or "" for the one in `file`, which is read, or made, when it is first needed.

    Raises: Invalid when what is given is no key.
    """

    def __init__(self, given: str, file: Path) -> None:
        self._given = given
        self._file = file
        self._cipher = AESGCM(key_of(given)) if given else None

    def seal(self, secret: str, bound: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + nonce + self._aes(make=True).encrypt(nonce, secret.encode(), bound.encode())

    def open(self, sealed: bytes, bound: str) -> str:
        aes = self._aes(make=False)
        try:
            if sealed[:1] != _VERSION:
                raise InvalidTag
            nonce, rest = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
            return aes.decrypt(nonce, rest, bound.encode()).decode()
        except (InvalidTag, ValueError):
            where = "TRIOPS_SECRETS_KEY" if self._given else str(self._file)
            raise Unavailable(
                f"the key in {where} is not the one that it was stored with; restore that key, or store it again"
            ) from None

    def _aes(self, *, make: bool) -> AESGCM:
        if self._cipher is None:
            self._cipher = AESGCM(self._from_file(make=make))
        return self._cipher

    def _from_file(self, *, make: bool) -> bytes:
        try:
            if make and not self._file.exists():
                _write_once(self._file, secrets.token_hex(_KEY))
            text = self._file.read_text(encoding="ascii")
        except FileNotFoundError:
            raise Unavailable(f"the key of stored credentials is missing: {self._file}") from None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not text"
            raise Unavailable(f"cannot read the key of stored credentials, {self._file}: {reason}") from None
        return key_of(text.strip(), where=str(self._file))


def key_of(text: str, where: str = "TRIOPS_SECRETS_KEY") -> bytes:
    """Raises: Invalid, without the text in it."""
    try:
        key = (
            bytes.fromhex(text)
            if len(text) == 2 * _KEY
            else base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_"))
        )
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != _KEY:
        raise Invalid(f"{where} holds no key", field=where, expected="32 bytes as 64 hexadecimal digits or base64")
    return key


def _write_once(file: Path, text: str) -> None:
    """Whole or not at all, and never over one that is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            pass  # another was quicker: theirs counts
    finally:
        draft.unlink()
