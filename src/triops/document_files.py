"""Documents from YAML files: what `triops apply` and `triops up --config` read."""

from pathlib import Path
from typing import Any

import yaml

from triops.kernel.errors import Invalid

MAX_BYTES = 8 << 20


def read_documents(path: Path) -> list[dict[str, Any]]:
    """The documents of a YAML file (several, separated by `---`) or of a folder's files, by name.

    Raises: Invalid that names the file and the place.
    """
    files = sorted(f for f in path.rglob("*") if f.suffix in (".yaml", ".yml")) if path.is_dir() else [path]
    documents = []
    for file in files:
        try:
            text = file.read_bytes()
            if len(text) > MAX_BYTES:
                raise Invalid("the file is larger than 8 MB", field=str(file))
            found = [_plain(document) for document in yaml.safe_load_all(text)]
        except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid(f"cannot read: {' '.join(str(error).split())}", field=str(file)) from error
        for at, document in enumerate(found):
            if document is None:
                continue
            if not isinstance(document, dict) or set(document) - {"kind", "name", "spec"} or len(document) < 3:
                raise Invalid(
                    f"document {at + 1} must have just kind, name and spec",
                    field=str(file),
                    got=", ".join(map(str, document)) if isinstance(document, dict) else document,
                )
            documents.append(document)
    if not documents:
        raise Invalid("no document found", field=str(path), expected="YAML with kind, name and spec")
    return documents


def _plain(value: Any) -> Any:
    """YAML's dates as the text that JSON knows, and the name `on`, which YAML takes for true, as a name."""
    if isinstance(value, dict):
        return {"on" if k is True else str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
