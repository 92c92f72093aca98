from pathlib import Path

from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.metrics import EmbeddedMetrics
from triops.testing.contract_metrics import MetricsContract


class TestEmbeddedMetrics(MetricsContract):
    def new_store(self, folder: Path) -> EmbeddedMetrics:
        return EmbeddedMetrics(Engine(folder))
