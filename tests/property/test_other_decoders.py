"""Remote write, alerts, CloudEvents and bodies: any input is an error with a name, or what it says."""

import asyncio
import gzip
import json
import zlib
from typing import Any

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.edge_server import check_lengths
from tests.property.remote_write import nested, sample, series, varint, write_request
from triops.edges.alertmanager.wire import decode_alerts, decode_webhook
from triops.edges.cloudevents.wire import decode
from triops.edges.prometheus.wire import Known, WriteDecoder
from triops.kernel.anomaly import Anomaly
from triops.kernel.errors import Invalid, TooLarge, TriopsError, Unsupported
from triops.kernel.limits import Limits
from triops.web.body import Bodies, inflate, unsnap
from triops.web.protobuf import field_bytes

NOW = 1_800_000_000.0
LIMITS = Limits(rows_per_request=500, label_count=8, body_bytes=1 << 16)
decoder = WriteDecoder(LIMITS)
shared = Known()

names = st.text(max_size=6)
labels = st.dictionaries(st.one_of(st.sampled_from(["__name__", "job", "instance", "le"]), names), names, max_size=6)
time_ms = st.one_of(st.integers(1_700_000_000_000, 1_900_000_000_000), st.integers(-(2**63), 2**63 - 1), st.just(0))
points = st.lists(st.tuples(st.one_of(st.just(0.0), st.floats()), time_ms), max_size=3)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_an_error(body: bytes) -> None:
    try:
        check_lengths(decoder.decode(body, shared).batch)
    except (Invalid, TooLarge):
        pass


@given(st.lists(st.tuples(labels, points), max_size=6))
def test_samples_arrive_whole(rows: list[tuple[dict[str, str], list[tuple[float, int]]]]) -> None:
    body = write_request([series(found, [sample(*point) for point in several]) for found, several in rows])
    expected = sorted(
        (
            found["__name__"],
            json.dumps({k: v for k, v in sorted(found.items()) if v and k not in ("__name__", "job", "instance")}),
            min(max(at, 0), (2**63 - 1) // 10**6) * 10**6,
            str(value),
        )
        for found, several in rows
        if found.get("__name__")
        for value, at in several
    )
    for known in (shared, Known(), shared):  # the long way, and the way through what is known
        decoded = decoder.decode(body, known)
        batch = decoded.batch
        check_lengths(batch)
        at = {id_: i for i, id_ in enumerate(batch.series.id.tolist())}
        got = sorted(
            (
                batch.series.name[at[id_]], json.dumps(json.loads(batch.series.labels[at[id_]])), time_ns, str(value),
            )
            for id_, time_ns, value in zip(
                batch.series_id.tolist(), batch.time_ns.tolist(), batch.value.tolist(), strict=True
            )
        )  # fmt: skip
        assert got == expected
        without = sum(len(several) for found, several in rows if not found.get("__name__"))
        assert sum(decoded.refused.values()) == without


@given(st.binary(max_size=30), st.floats(min_value=-1e9, max_value=1e9), time_ms)
def test_bytes_that_look_like_a_sample_are_read_as_what_they_are(noise: bytes, value: float, at: int) -> None:
    """A label whose value ends like a sample must not be taken for one."""
    trap = nested(2, sample(1.0, 1_800_000_000_000))
    label = nested(1, nested(1, b"__name__") + nested(2, b"n"))
    tricky = nested(1, nested(1, b"l") + nested(2, noise + trap))
    real = nested(2, sample(value, at))
    known = Known()
    for raw, expected in (
        (label + real + tricky, [value]),
        (label + tricky + real, [value]),
        (label + real + real, [value, value]),
        (label + tricky, []),
    ):
        for _ in range(2):
            assert decoder.decode(write_request([raw]), known).batch.value.tolist() == expected


def test_a_million_labels_are_refused() -> None:
    raw = series({"__name__": "wide"}, []) + nested(1, b"") * 1_000_000 + nested(2, sample(1, 1_800_000_000_000))
    decoded = decoder.decode(write_request([raw]), Known())
    assert decoded.refused == {"more than 8 labels": 1}


def test_metadata_gives_types() -> None:
    known = Known()
    rows = [series({"__name__": "q_count"}, [sample(1, 1_800_000_000_000)])]
    assert decoder.decode(write_request(rows), known).batch.series.type.tolist() == ["unknown"]
    metadata = nested(3, b"\x08\x05" + nested(2, b"q"))
    assert decoder.decode(write_request(rows) + metadata, known).batch.series.type.tolist() == ["summary"]


def test_too_many_series() -> None:
    with pytest.raises(TooLarge):
        decoder.decode(write_request([b""] * 501), Known())


json_trees = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
        st.sampled_from(["2026-11-21T00:00:00Z", "0001-01-01T00:00:00Z", "resolved", "1.0", "a.deploy"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["alerts", "labels", "annotations", "startsAt", "endsAt", "status", "generatorURL", "alertname",
                 "specversion", "id", "source", "type", "subject", "time", "data", "data_base64", "severity"]
            ), inner, max_size=5,
        ),
    ), max_leaves=15,
)  # fmt: skip


@given(st.one_of(json_trees.map(lambda tree: json.dumps(tree).encode()), st.binary(max_size=40)))
def test_any_json_is_alerts_or_an_error(body: bytes) -> None:
    for read in (decode_webhook, decode_alerts):
        try:
            found = read(body, NOW, LIMITS)
        except (Invalid, TooLarge):
            continue
        for claim in found.claims:
            assert isinstance(claim, Anomaly)
            assert claim.started_at <= NOW
            assert claim.ended_at is None or claim.started_at <= claim.ended_at <= NOW
        assert len({claim.key for claim in found.claims}) == len(found.claims)


@given(
    st.dictionaries(st.sampled_from(["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "x"]), st.text()),
    st.sampled_from(["application/cloudevents+json", "application/cloudevents-batch+json", "application/json", ""]),
    st.one_of(json_trees.map(lambda tree: json.dumps(tree).encode()), st.binary(max_size=40)),
)
def test_any_request_is_events_or_an_error(headers: dict[str, str], media: str, body: bytes) -> None:
    try:
        events = decode(headers, media, body, NOW, LIMITS)
    except (Invalid, TooLarge, Unsupported):
        return
    for event in events:
        assert event.key
        if event.change:
            assert event.change.at <= NOW + LIMITS.ahead_s
            assert len(json.dumps(event.change.details)) < 200_000


def _decompressed(raw: bytes, encoding: str) -> bytes:
    async def run() -> bytes:
        async with Bodies(LIMITS).opened(raw, encoding) as body:
            return body

    return asyncio.run(run())


@given(st.binary(max_size=2000), st.binary(max_size=50), st.integers(0, 2100))
def test_compressed_bodies_come_back_or_are_refused(data: bytes, more: bytes, cut: int) -> None:
    assert inflate(gzip.compress(data), 1 << 16) == data
    assert inflate(gzip.compress(data) + gzip.compress(more), 1 << 16) == data + more
    assert _decompressed(zlib.compress(data), "deflate") == data
    bare = zlib.compressobj(wbits=-15)
    assert _decompressed(bare.compress(data) + bare.flush(), "deflate") == data
    assert _decompressed(bytes(cramjam.snappy.compress_raw(data)), "snappy") == data
    for raw, encoding in ((gzip.compress(data), "gzip"), (bytes(cramjam.snappy.compress_raw(data)), "snappy")):
        if cut < len(raw):
            with pytest.raises(TriopsError):
                _decompressed(raw[:cut], encoding)


@given(st.binary(max_size=200))
def test_any_bytes_decompress_or_are_refused(raw: bytes) -> None:
    for read in (inflate, unsnap):
        try:
            assert len(read(raw, 1000)) <= 1000
        except (Invalid, TooLarge):
            pass


def test_bombs_stop_at_the_bound() -> None:
    for raw, encoding in ((gzip.compress(bytes(1 << 26)), "gzip"), (zlib.compress(bytes(1 << 26)), "deflate")):
        with pytest.raises(TooLarge):
            _decompressed(raw, encoding)
    for declared, error in ((1 << 31, TooLarge), (60_000, Invalid)):
        with pytest.raises(error):
            _decompressed(varint(declared) + b"\x00a", "snappy")


async def test_bytes_in_flight_are_bounded_and_given_back() -> None:
    from triops.kernel.errors import Overloaded

    bodies = Bodies(Limits(queued_bytes=1000))
    async with bodies.opened(b"x" * 600, ""):
        with pytest.raises(Overloaded):
            async with bodies.opened(b"x" * 600, ""):
                pass
        assert bodies.in_flight == 600
    with pytest.raises(Overloaded):
        async with bodies.opened(gzip.compress(bytes(5000)), "gzip"):
            pass
    assert bodies.in_flight == 0


@given(st.lists(st.tuples(st.integers(1, 40), st.one_of(st.binary(max_size=200), st.integers(0, 2**64 - 1)))))
def test_fields_of_one_level_are_found_among_others(fields: list[tuple[int, Any]]) -> None:
    parts = [
        nested(number, value) if isinstance(value, bytes) else varint(number << 3) + varint(value)
        for number, value in fields
    ]
    found = list(field_bytes(b"".join(parts), 2, "message"))
    assert found == [value for number, value in fields if number == 2 and isinstance(value, bytes)]
