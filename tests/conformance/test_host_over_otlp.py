"""What the agent sends decodes into just what `triops up` collects by itself: the same series, resources and lines."""

import dataclasses
import time
from pathlib import Path

import numpy as np

from triops.edges.otlp.wire import LogDecoder, MetricDecoder
from triops.kernel.limits import DEFAULT_LIMITS
from triops.lenses.aiops.host.collector import HostCollector
from triops.lenses.aiops.host.encode import encode_logs, encode_metrics
from triops.lenses.aiops.host.follow import LogFollower


def test_metrics() -> None:
    collector = HostCollector()
    collector.collect(time.time() - 10)
    sent = collector.collect(time.time())
    came = MetricDecoder(DEFAULT_LIMITS).decode(encode_metrics(sent)).batch
    assert came.resources.attributes.tolist() == sent.resources.attributes.tolist()
    assert came.resources.fingerprint.tolist() == sent.resources.fingerprint.tolist()
    for column in ("id", "resource", "name", "labels", "type", "unit"):
        order_came, order_sent = np.argsort(came.series.id), np.argsort(sent.series.id)
        assert getattr(came.series, column)[order_came].tolist() == getattr(sent.series, column)[order_sent].tolist(), (
            column
        )
    points = dict(zip(sent.series_id.tolist(), zip(sent.time_ns, sent.value, strict=True), strict=True))
    assert dict(zip(came.series_id.tolist(), zip(came.time_ns, came.value, strict=True), strict=True)) == points


def test_log_lines(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    follower = LogFollower((str(path),))
    follower.poll(0.0)
    path.write_text("ERROR one\nnaïve ☃ line\n", "utf-8")
    now = time.time()
    sent = follower.poll(now)
    came = LogDecoder(DEFAULT_LIMITS).decode(encode_logs(sent), int(now * 1e9)).batch
    assert came.resources.attributes.tolist() == sent.resources.attributes.tolist()
    for field in dataclasses.fields(sent):
        if field.name not in ("resources", "template"):
            assert getattr(came, field.name).tolist() == getattr(sent, field.name).tolist(), field.name
