from pathlib import Path

from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.spans import EmbeddedSpans
from triops.testing.contract_llm_spans import LlmSpansContract
from triops.testing.contract_spans import SpansContract


class TestEmbeddedSpans(SpansContract):
    def new_store(self, folder: Path) -> EmbeddedSpans:
        return EmbeddedSpans(Engine(folder))


class TestEmbeddedLlmSpans(LlmSpansContract):
    def new_store(self, folder: Path) -> EmbeddedSpans:
        return EmbeddedSpans(Engine(folder))
