from pathlib import Path

from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.logs import EmbeddedLogs
from triops.testing.contract_logs import LogsContract


class TestEmbeddedLogs(LogsContract):
    def new_store(self, folder: Path) -> EmbeddedLogs:
        return EmbeddedLogs(Engine(folder))
