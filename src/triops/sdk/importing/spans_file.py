"""The file of a trace's artifacts that has its spans, where they are in no database."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from triops.sdk.importing.source import SourceError

SPANS_FILE = "traces.json"
_BYTES = 64 << 20


def spans_in(folder: Path | None) -> Sequence[Mapping[str, Any]]:
    """None where there is no such file. Raises: SourceError."""
    if folder is None or (folder / SPANS_FILE).is_symlink() or not (folder / SPANS_FILE).is_file():
        return ()
    path = folder / SPANS_FILE
    try:
        if path.stat().st_size > _BYTES:
            raise SourceError(f"{path} is larger than {_BYTES >> 20} MB")
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{path}: {error}") from error
    spans = document.get("spans") if isinstance(document, dict) else None
    if not isinstance(spans, list) or not all(isinstance(one, dict) for one in spans):
        raise SourceError(f"{path} is no file of spans")
    return spans
