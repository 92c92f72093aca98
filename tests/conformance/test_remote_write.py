"""An unmodified Debian Prometheus that scrapes itself and writes here."""

import contextlib
import shutil
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import cramjam
import pytest

from tests.edge_server import Stores, check_lengths, serving, until
from tests.property.remote_write import sample, series, write_request
from triops.edges.prometheus.handlers import routes
from triops.kernel.errors import Overloaded, StoreFull
from triops.kernel.limits import Limits
from triops.web.body import Bodies

LIMITS = Limits(body_bytes=1 << 20, label_count=10)
PROMETHEUS = shutil.which("prometheus")


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def stores() -> Stores:
    return Stores()


@pytest.fixture
async def url(stores: Stores) -> AsyncIterator[str]:
    served = routes(stores.receiver(LIMITS), Bodies(LIMITS), stores.authenticate, LIMITS)
    async with serving(served) as port:
        yield f"http://127.0.0.1:{port}/api/v1/write"


async def post(url: str, body: bytes, **headers: str) -> tuple[int, str, dict[str, str]]:
    sent = {"content-type": "application/x-protobuf", "content-encoding": "snappy"}
    sent |= {k.replace("_", "-"): v for k, v in headers.items()}
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=sent) as answer:
        return answer.status, await answer.text(), {k.lower(): v for k, v in answer.headers.items()}


@pytest.mark.skipif(not PROMETHEUS, reason="no prometheus binary on this machine")
async def test_debian_prometheus_fills_it(url: str, stores: Stores, tmp_path: Path) -> None:
    own = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: itself, static_configs: [{{targets: ['127.0.0.1:{own}']}}]}}]\n"
        f"remote_write: [{{url: '{url}', queue_config: {{batch_send_deadline: 1s}},"
        " metadata_config: {send_interval: 1s}}]\n"
    )
    command = [
        str(PROMETHEUS), f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]  # fmt: skip
    stores.metrics.fail = [Overloaded("full")]  # it sends again what is answered 503
    with running(command, tmp_path / "log"):
        name = "prometheus_http_request_duration_seconds_bucket"
        await until(lambda: {name, "up", "go_gc_duration_seconds"} <= stores.metric_points().keys(), 60)
        await until(
            lambda: any(type_ == "gauge" for _, type_, _ in stores.metric_points()["prometheus_tsdb_head_series"]), 60
        )
        await until(lambda: any(t == "summary" for _, t, _ in stores.metric_points()["go_gc_duration_seconds"]), 60)
    points = stores.metric_points()
    assert {type_ for _, type_, _ in points["prometheus_http_requests_total"]} == {"counter"}
    assert all('"le":' in labels for labels, _, _ in points[name])
    assert ("{}", "gauge", 1.0) in points["up"]
    for batch in stores.metrics.batches:
        check_lengths(batch)
        for resource in batch.resources.attributes:
            assert resource == f'{{"instance":"127.0.0.1:{own}","job":"itself"}}'
        assert abs(int(batch.time_ns[0]) - time.time_ns()) < 300e9


async def test_good_samples_are_kept_and_bad_ones_named(url: str, stores: Stores) -> None:
    now = int(time.time() * 1000)
    body = write_request(
        [
            series({"__name__": "a", "job": "j", "x": "1", "empty": ""}, [sample(1.5, now)]),
            series({"x": "no name"}, [sample(1, now)]),
            series({"__name__": "wide", **{f"l{i}": "v" for i in range(50)}}, [sample(1, now)]),
            series({"__name__": "late"}, [sample(1, now + 86_400_000)]),
            series({"__name__": "early"}, [sample(1, 1000)]),
            series({"__name__": "stale"}, [sample(struct.unpack("<d", b"\x02\0\0\0\0\0\xf0\x7f")[0], now)]),
            series({"__name__": "nan"}, [sample(float("nan"), now), sample(float("inf"), now + 1)]),
        ]
    )
    status, text, _ = await post(url, bytes(cramjam.snappy.compress_raw(body)))
    assert status == 400
    for word in ("3 samples are stored", "without a name", "more than 10 labels", "in the future", "retention"):
        assert word in text
    points = stores.metric_points()
    assert points["a"] == [('{"x":"1"}', "unknown", 1.5)]
    assert points.keys() == {"a", "nan"}
    assert stores.metrics.rows() == 3


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"\xff\xff\xff\xff\x0f", {}, 413),
        (b"\x40\x00 ", {}, 400),
        (bytes(cramjam.snappy.compress_raw(bytes(2 << 20))), {}, 413),
        (bytes(cramjam.snappy.compress_raw(b"\x0a\xff")), {}, 400),
        (b"", {"content_type": "text/plain"}, 415),
        (b"", {"content_type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}, 415),
        (b"", {"content_encoding": "zstd"}, 415),
    ],
)
async def test_what_is_not_right_is_answered_clearly(
    url: str, stores: Stores, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert (await post(url, body, **headers))[0] == status
    assert not stores.metrics.batches


async def test_what_passes_is_answered_so_that_it_is_sent_again(url: str, stores: Stores) -> None:
    now = int(time.time() * 1000)
    body = bytes(cramjam.snappy.compress_raw(write_request([series({"__name__": "a"}, [sample(1, now)])])))
    stores.metrics.fail = [Overloaded("full", retry_after_s=7), StoreFull("full")]
    status, _, headers = await post(url, body)
    assert (status, headers["retry-after"]) == (503, "7")
    assert (await post(url, body))[0] == 507
    assert (await post(url, body))[0] == 204
    assert (await post(url, body))[0] == 204
    assert stores.metrics.rows() == 1
