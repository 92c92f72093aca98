"""A full disk: 507, what is stored stays readable, and it goes on by itself when there is room."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from triops.testing.server import RunningTriops

HEADERS = {"Content-Type": "application/x-protobuf"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = tmp_path / "disk"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(mount)], capture_output=True, text=True
    )
    if made.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.strip()}")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=False)


def body(text: str) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for _ in range(20):
        # random, so that the store cannot compress it away
        records.add(time_unix_nano=time.time_ns()).body.string_value = f"{text} {os.urandom(20_000).hex()}"
    return request.SerializeToString()


def test_a_full_disk_is_told_and_overcome(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(6 << 20))
    server = RunningTriops(small_disk / "data", log=small_disk.parent / "log")
    with server:
        logs = server.url + "/v1/logs"
        assert httpx.post(logs, content=body("first"), headers=HEADERS).status_code == 200
        answers = []
        for _ in range(200):
            answers.append(httpx.post(logs, content=body("more"), headers=HEADERS, timeout=30).status_code)
            if answers[-1] != 200:
                break
        assert answers[-1] == 507
        # the records live on the same disk: their answer names the same trouble, or there is still room for them
        change = {"entity": {"type": "service", "name": "a"}, "kind": "deploy", "title": "x" * 200}
        assert httpx.post(server.url + "/triops/v1/changes", json=change).status_code in (201, 507)
        stored = 20 * answers.count(200) + 20
        assert len(list(server.client.pages("/logs", "records"))) == stored
        assert httpx.get(server.url + "/health").status_code == 200
        filler.unlink()
        assert httpx.post(logs, content=body("last"), headers=HEADERS, timeout=30).status_code == 200
        assert len(server.client.logs(query="last")) == 20
        assert len(list(server.client.pages("/logs", "records"))) == stored + 20
        assert server.stop() == 0
    with RunningTriops(small_disk / "data", log=small_disk.parent / "log") as again:
        assert len(list(again.client.pages("/logs", "records"))) == stored + 20


def test_an_artifact_that_does_not_fit_leaves_nothing(small_disk: Path) -> None:
    with RunningTriops(small_disk / "data", log=small_disk.parent / "log") as server:
        url = server.url + "/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/"
        assert httpx.put(url + "small", content=b"small").status_code == 200
        refused = httpx.put(url + "large", content=os.urandom(30 << 20), timeout=60)
        assert refused.status_code == 503
        assert refused.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
        assert httpx.get(url + "large").status_code == 404
        assert httpx.get(url + "small").content == b"small"
        assert httpx.put(url + "fits", content=os.urandom(4 << 20), timeout=60).status_code == 200
        kept = [path.stat().st_size for path in (small_disk / "data" / "blobs").rglob("*") if path.is_file()]
        assert sorted(kept) == [5, 4 << 20]
