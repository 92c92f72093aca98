"""prometheus.WriteRequest, encoded as Prometheus does it: zero values left out, labels first."""

import struct
from collections.abc import Mapping, Sequence


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def nested(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def sample(value: float, time_ms: int) -> bytes:
    packed = struct.pack("<d", value)
    return (b"\x09" + packed if packed != bytes(8) else b"") + (b"\x10" + varint(time_ms) if time_ms else b"")


def series(labels: Mapping[str, str], samples: Sequence[bytes]) -> bytes:
    parts = [nested(1, nested(1, k.encode()) + nested(2, v.encode())) for k, v in sorted(labels.items())]
    return b"".join(parts) + b"".join(nested(2, one) for one in samples)


def write_request(all_series: Sequence[bytes]) -> bytes:
    return b"".join(nested(1, one) for one in all_series)
