"""A service's configuration file, read again when it changes. A file that cannot be read keeps the last good one."""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


@dataclass
class LiveConfig:
    """`current()` costs one `stat` when nothing changed. Whoever writes the file must replace it atomically."""

    path: Path
    _stamp: tuple[int, int] = (0, 0)
    _values: dict[str, Any] = field(default_factory=dict)

    def current(self) -> dict[str, Any]:
        """Raises: OSError or ValueError only when there never was a good file."""
        try:
            stat = self.path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino)
            if stamp != self._stamp:
                values = json.loads(self.path.read_text("utf-8"))
                if not isinstance(values, dict):
                    raise ValueError(f"{self.path.name} is not a JSON object")
                if self._values:
                    log.info("configuration is now %s", values.get("version"))
                self._stamp, self._values = stamp, values
        except (OSError, ValueError):
            if not self._values:
                raise
            log.exception("the configuration cannot be read; version %s stays", self._values.get("version"))
        return self._values
