"""Who this host is, in OpenTelemetry's words."""

import platform
import socket
from pathlib import Path

import orjson

_ID_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id")


def host_resource() -> dict[str, str]:
    """Read once at start: none of it changes while the host runs. `host.id` is left out where there is none."""
    resource = {
        "host.name": socket.gethostname(),
        "host.arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "os.type": platform.system().lower(),
        "os.description": platform.platform(),
    }
    for path in _ID_FILES:
        try:
            if identity := Path(path).read_text("ascii").strip():
                resource["host.id"] = identity
                break
        except (OSError, UnicodeDecodeError):
            continue
    return resource


def canonical(attributes: dict[str, str]) -> str:
    """JSON with sorted keys: the form that fingerprints are taken of."""
    return orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS).decode()
