"""What a file is said to be when it is sent: its media type by its name, and the name it is saved under."""

import mimetypes
import re
import unicodedata
from urllib.parse import quote

_TEXT = re.compile(
    "txt|log|err|cfg|conf|cnf|cf|ini|properties|prop|hocon|toml|ya?ml|xml|json|js|py3?|csv|tsv|md|rst|ipynb|"
    "MLmodel|mlproject"
)
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def media_type(name: str) -> str:
    """Texts, programs and data alike are plain text, as MLflow has them."""
    stem, dot, extension = name.rpartition(".")
    if _TEXT.fullmatch(extension if dot and stem else name):
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def disposition(name: str, *, inline: bool = False) -> str:
    """RFC 6266; a name that is not ASCII in both forms."""
    shown = "inline" if inline else "attachment"
    if name.isascii():
        return f"{shown}; filename={_quoted(name)}"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or "download"
    return f"{shown}; filename={_quoted(plain)}; filename*=UTF-8''{quote(name, safe='!#$&+-.^_`|~')}"


def _quoted(text: str) -> str:
    if _TOKEN.issuperset(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
