"""Documents from YAML files: what `triops apply` and `triops up --config` read."""

import math
from pathlib import Path
from typing import Any

import yaml

from triops.kernel.errors import Invalid

MAX_BYTES = 8 << 20


class _Loader(yaml.SafeLoader):
    """A member that is given twice is a mistake: YAML's own loader would keep the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value} is given twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


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
            found = [_plain(document, str(file)) for document in yaml.load_all(text, Loader=_Loader)]
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


def _plain(value: Any, file: str, at: str = "") -> Any:
    """YAML's dates as the text that JSON knows, and the name `on`, which YAML takes for true, as a name. Raises:
    Invalid for what it has no word for."""
    if isinstance(value, dict):
        named = {"on" if k is True else str(k): v for k, v in value.items()}
        return {k: _plain(v, file, f"{at}.{k}" if at else k) for k, v in named.items()}
    if isinstance(value, list):
        return [_plain(v, file, f"{at}.{number}") for number, v in enumerate(value)]
    if isinstance(value, bytes | set) or (isinstance(value, float) and not math.isfinite(value)):
        raise Invalid(f"cannot be said in JSON: {at}", field=file, got=repr(value)[:100], expected="text or a number")
    return value.isoformat() if hasattr(value, "isoformat") else value
