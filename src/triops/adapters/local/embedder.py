"""Sentences to vectors by an ONNX encoder: mean over tokens, length 1 (as sentence-transformers does for MiniLM)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from triops.adapters.local.weights import OnnxFiles

_TOKENS = 256
_BATCH = 8  # longer texts of a batch make the shorter ones pay: so few at a time, sorted by length


class OnnxEmbedder:
    """One session; safe to call from several threads, one after another."""

    def __init__(self, files: OnnxFiles, threads: int) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(str(files.model), options, providers=["CPUExecutionProvider"])
        self._typed = any(given.name == "token_type_ids" for given in self._session.get_inputs())
        self._tokenizer: Any = Tokenizer.from_file(str(files.tokenizer))
        self._tokenizer.enable_truncation(max_length=_TOKENS)
        self._tokenizer.enable_padding()

    def embed(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float32], int]:
        """Vectors, one row a text in its order, and how many tokens were read. What is over 256 tokens of a text is
        not read."""
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        rows: dict[int, npt.NDArray[np.float32]] = {}
        read = 0
        for begin in range(0, len(order), _BATCH):
            batch = order[begin : begin + _BATCH]
            encoded = self._tokenizer.encode_batch([texts[at] for at in batch])
            ids = np.array([each.ids for each in encoded], dtype=np.int64)
            mask = np.array([each.attention_mask for each in encoded], dtype=np.int64)
            read += int(mask.sum())
            given = {"input_ids": ids, "attention_mask": mask}
            if self._typed:
                given["token_type_ids"] = np.zeros_like(ids)
            hidden = self._session.run(None, given)[0]
            weights = mask[..., None].astype(np.float32)
            pooled = (hidden * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
            pooled /= np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
            rows.update(zip(batch, pooled.astype(np.float32), strict=True))
        return np.stack([rows[at] for at in range(len(texts))]), read
