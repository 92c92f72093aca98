"""Paths of artifacts as clients send them: decoded to the end, refused when they could mean anything but a name below
a root, and brought to one form. What is refused, and why, is in `docs/decisions/0006-what-a-location-may-be.md`.
"""

import re
from urllib.parse import unquote

from triops.kernel.errors import Invalid

_DECODED = 10  # times that a path may have been encoded
_BYTES = 2048  # of a path
_NAME_BYTES = 255  # of one of its parts, as file systems have it
_REFUSED = re.compile(
    r"""[\\#?\x00-\x1f\x7f]            # other separators, other parts of a URL, control characters
    | ^/ | ^[A-Za-z]:                   # absolute, here or on Windows
    | ^[A-Za-z][A-Za-z0-9+.-]*:/ | ^file:""",
    re.VERBOSE | re.IGNORECASE,
)


def safe_path(given: str, *, root: bool = False) -> str:
    """`a/./b//c/` → `a/b/c`. Only where `root` is allowed may nothing be left.

    Raises: Invalid for what is absolute, climbs, or is no path: percent signs are decoded first, as often as need be.
    """
    path = given
    for _ in range(_DECODED):
        decoded = unquote(path)
        if decoded == path:
            break
        path = decoded
    else:
        raise _invalid()
    if _REFUSED.search(path):
        raise _invalid()
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or (not parts and not root):
        raise _invalid()
    try:
        sizes = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        raise _invalid() from None
    if sum(sizes) + len(sizes) > _BYTES or max(sizes, default=0) > _NAME_BYTES:
        raise Invalid(f"Invalid path: longer than {_BYTES} bytes, or {_NAME_BYTES} a name", field="path")
    return "/".join(parts)


def joined(folder: str, path: str) -> str:
    """Of two safe paths."""
    return f"{folder}/{path}" if folder and path else folder or path


def _invalid() -> Invalid:
    return Invalid("Invalid path", field="path")
