"""SIGKILL in mid-ingest: every acknowledged row is there after the restart, and none twice although all are retried."""

import http.client
import random
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from triops.testing.server import RunningTriops, wait_for

KILLS = 20
ROWS = 20  # of one request


class Sender(threading.Thread):
    """Sends numbered requests of one kind, each again and again until it is acknowledged, like a real exporter."""

    def __init__(self, server: RunningTriops, kind: str) -> None:
        super().__init__(daemon=True)
        self.server, self.kind = server, kind
        self.acknowledged: list[int] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stopped.is_set():
            body = BODIES[self.kind](number)
            while True:
                if self._send(body):
                    self.acknowledged.append(number)
                    break
                if self.stopped.is_set():
                    return
                time.sleep(0.02)
            number += 1

    def _send(self, body: bytes) -> bool:
        try:
            connection = http.client.HTTPConnection(self.server.url.removeprefix("http://"), timeout=10)
            connection.request("POST", f"/v1/{self.kind}", body, {"Content-Type": "application/x-protobuf"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        assert status in (200, 429, 503), status
        return status == 200


START_NS = time.time_ns()


def log_body(number: int) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for row in range(ROWS):
        record = records.add(time_unix_nano=START_NS + number * ROWS + row, severity_number=9)
        record.body.string_value = f"row {number * ROWS + row}"
    return request.SerializeToString()


def metric_body(number: int) -> bytes:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="rows")
    for row in range(ROWS):
        metric.gauge.data_points.add(time_unix_nano=START_NS + number * ROWS + row, as_double=number * ROWS + row)
    return request.SerializeToString()


def trace_body(number: int) -> bytes:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for row in range(ROWS):
        at = START_NS + number * ROWS + row
        spans.add(
            trace_id=(number * ROWS + row + 1).to_bytes(16, "big"),
            span_id=b"12345678",
            name="row",
            start_time_unix_nano=at,
            end_time_unix_nano=at + 1000,
        )
    return request.SerializeToString()


BODIES = {"logs": log_body, "metrics": metric_body, "traces": trace_body}


@pytest.mark.timeout(300)
def test_nothing_acknowledged_is_lost_and_nothing_is_stored_twice(tmp_path: Path) -> None:
    server = RunningTriops(tmp_path / "data")
    server.start()
    senders = [Sender(server, kind) for kind in BODIES]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        before = [len(s.acknowledged) for s in senders]
        wait_for(
            lambda before=before: all(len(s.acknowledged) > b + 2 for s, b in zip(senders, before, strict=True)),
            what="each sender to be acknowledged",
        )
        time.sleep(random.random() * 0.05)  # any moment of a commit, not always the same one
        server.kill()
        server.start()
    for sender in senders:
        sender.stopped.set()
    for sender in senders:
        sender.join(20)
        assert not sender.is_alive()
    stored = {
        "logs": Counter(int(r["body"].split()[1]) for r in server.client.pages("/logs", "records", most=10**6)),
        "metrics": Counter(int(v) for _, v in server.client.series("rows")[0]["points"]),
        "traces": Counter(
            {int(t["trace_id"], 16) - 1: t["span_count"] for t in server.client.pages("/traces", most=10**6)}
        ),
    }
    assert server.stop() == 0
    for sender in senders:
        rows = stored[sender.kind]
        acknowledged = {n * ROWS + row for n in sender.acknowledged for row in range(ROWS)}
        assert not acknowledged - set(rows), f"{sender.kind}: acknowledged rows are lost"
        assert set(rows.values()) == {1}, f"{sender.kind}: rows are stored twice"
