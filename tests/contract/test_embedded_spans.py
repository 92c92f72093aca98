from pathlib import Path

import duckdb

from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.spans import EmbeddedSpans
from triops.testing.batches import spans
from triops.testing.contract_llm_spans import ALL, LlmSpansContract, call
from triops.testing.contract_spans import SpansContract
from triops.testing.contract_telemetry import NOON, ONE


class TestEmbeddedSpans(SpansContract):
    def new_store(self, folder: Path) -> EmbeddedSpans:
        return EmbeddedSpans(Engine(folder))


class TestEmbeddedLlmSpans(LlmSpansContract):
    def new_store(self, folder: Path) -> EmbeddedSpans:
        return EmbeddedSpans(Engine(folder))


async def test_a_file_of_before_tokens_written_to_caches_were_kept(tmp_path: Path) -> None:
    store = EmbeddedSpans(Engine(tmp_path))
    await store.start()
    await store.append(ONE, spans(call(1, 1, NOON)))
    await store.close()
    (path,) = tmp_path.rglob("*.duckdb")
    with duckdb.connect(path) as file:
        file.execute("ALTER TABLE llm DROP COLUMN cache_write_tokens")
    store = EmbeddedSpans(Engine(tmp_path))
    await store.start()
    written = {"gen_ai.usage.cache_creation.input_tokens": 7}
    await store.append(ONE, spans(call(2, 1, NOON + 1, attributes=written)))
    rows = (await store.llm_traces(ONE, ALL)).rows
    await store.close()
    assert rows.cache_write_tokens.tolist() == [0, 7]
    assert rows.input_tokens.tolist() == [10, 10]
