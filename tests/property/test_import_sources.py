"""What comes from elsewhere is hostile: names, columns and documents hold to their bounds or are refused by name."""

import base64
import json
import math
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.edges.mlflow.spans_wire import span_of
from triops.kernel.errors import Invalid
from triops.kernel.transfer import MovedDataset, MovedExample, MovedRun
from triops.lenses.mlops.importing.checking import check_dataset, check_example, check_run, points_of
from triops.sdk.importing.columns import pieces
from triops.sdk.importing.distinct import distinct
from triops.sdk.importing.files import FilesSource
from triops.sdk.importing.opening import open_source
from triops.sdk.importing.paths import Folders, files_under, safe_path
from triops.sdk.importing.source import Point, SourceError
from triops.sdk.importing.spans import compared, encoded

NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)
POINTS = st.lists(st.builds(Point, st.sampled_from(["a", "b/c", "é"]), st.floats(), NUMBERS, NUMBERS), max_size=60)


@given(POINTS, st.integers(1, 20))
def test_points_arrive_as_they_were_sent(points: list[Point], most: int) -> None:
    arrived = []
    for piece in pieces(points, most):
        assert len(piece["key"]) <= most
        read = points_of(piece)
        for key, value, time_ms, step in zip(
            read.key.tolist(), read.value.tolist(), read.time_ms.tolist(), read.step.tolist(), strict=True
        ):
            arrived.append(Point(read.keys[key], value, time_ms, step))
    assert [str(one) for one in arrived] == [str(one) for one in points]


JUNK = (
    st.none()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.lists(st.integers() | st.text(max_size=3), max_size=3)
)


@given(st.dictionaries(st.sampled_from(["keys", "key", "value", "time_ms", "step"]), JUNK))
def test_any_columns_are_points_or_invalid(columns: dict[str, object]) -> None:
    try:
        points = points_of(columns)
    except Invalid:
        return
    assert len(points.key) == len(points.value)


@given(
    st.text(max_size=30) | st.sampled_from(["../x", "a/../b", "/a", "a//b", "C:/x", "a\\b", "a/./b", "file:x", "a\0b"])
)
def test_a_safe_path_stays_below_its_root(path: str) -> None:
    try:
        safe_path(path)
    except SourceError:
        return
    root = Path("/root/of/artifacts")
    assert (root / path).is_relative_to(root)
    assert ".." not in path.split("/")
    assert "\\" not in path


def test_folders_that_only_the_source_names_are_not_read(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    (own / "1").mkdir(parents=True)
    other.mkdir()
    (own / "out").symlink_to(other)
    folders = Folders([own], own)
    assert folders.find("mlflow-artifacts:/1") == own / "1"
    assert folders.find(str(own / "1")) == own / "1"
    assert folders.find((own / "1").as_uri()) == own / "1"
    for uri in (
        str(other),
        other.as_uri(),
        "/etc",
        "mlflow-artifacts:/../other",
        "mlflow-artifacts:/%2e%2e/other",
        str(own / ".." / "other"),
        str(own / "out"),
        "s3://bucket/x",
        "",
        "\0",
    ):
        assert folders.find(uri) is None, uri


def test_links_are_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    assert [file.path for file in files_under(tmp_path)] == ["a.txt"]


@given(
    st.lists(
        st.builds(Point, st.just("a"), st.sampled_from([0.0, 1.5, math.inf]), st.integers(0, 3), st.integers(0, 3))
    ),
    st.integers(1, 9),
)
def test_each_point_once_however_many(points: list[Point], held: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("triops.sdk.importing.distinct._HELD", held)
        assert list(distinct(points)) == list(dict.fromkeys(points))


ATTRIBUTE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=9), ATTRIBUTE, max_size=4), st.text(max_size=9), st.integers(0, (1 << 63) - 1))
def test_spans_say_after_the_way_what_they_said(attributes: dict[str, object], name: str, at: int) -> None:
    document = {
        "trace_id": base64.b64encode(b"t" * 16).decode(),
        "span_id": base64.b64encode(b"s" * 8).decode(),
        "parent_span_id": None,
        "name": name,
        "start_time_unix_nano": at,
        "end_time_unix_nano": None,
        "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
        "attributes": {key: json.dumps(value) for key, value in attributes.items()},
        "events": [{"name": "e", "time_unix_nano": 1, "attributes": {"n": 2}}],
    }
    [encoded_span] = encoded([document])
    said = span_of(base64.b64decode(encoded_span), "of any id")
    assert (said.trace, said.name, said.start_ns, said.status) == ("of any id", name, at, "ERROR")
    [shown] = compared([encoded_span])
    assert shown[7] == {key: _arrived(value) for key, value in attributes.items()}
    old = {
        "name": name,
        "context": {"trace_id": "0x" + (b"t" * 16).hex(), "span_id": "0x" + (b"s" * 8).hex()},
        "parent_id": None,
        "start_time": at,
        "end_time": None,
        "status_code": "ERROR",
        "status_message": "no",
        "attributes": document["attributes"],
        "events": [{"name": "e", "timestamp": 1, "attributes": {"n": 2}}],
    }
    assert compared(encoded([old])) == [shown]


def _arrived(value: object) -> object:
    return str(value) if isinstance(value, float) and math.isinf(value) else value


@given(st.dictionaries(st.sampled_from(["trace_id", "span_id", "context", "attributes", "events", "status"]), JUNK))
def test_any_document_is_a_span_or_refused(document: dict[str, object]) -> None:
    with pytest.raises(SourceError):
        encoded([document])


@given(st.binary(max_size=60))
def test_any_bytes_are_a_span_or_invalid(raw: bytes) -> None:
    try:
        span_of(raw, "t")
    except Invalid:
        pass


def test_bounds_of_what_was_evaluated() -> None:
    check_dataset(MovedDataset("d-1", "n", "x", 1, 2, experiments=("0",)))
    for dataset in (
        MovedDataset("../x", "n", "x", 1, 2),
        MovedDataset("d", "", "x", 1, 2),
        MovedDataset("d", "n", "x", 1, 1 << 63),
        MovedDataset("d", "n", "x", 1, 2, schema="{"),
        MovedDataset("d", "n", "x", 1, 2, experiments=("x",)),
    ):
        with pytest.raises(Invalid):
            check_dataset(dataset)
    check_example(MovedExample("e", "{}", 1, 2, source='{"source_type": "CODE", "source_data": {}}'))
    for example in (
        MovedExample("e", "[]", 1, 2),
        MovedExample("e", "{", 1, 2),
        MovedExample("e", "{}", 1, 2, outputs="{"),
        MovedExample("e", "{}", 1, 2, source="{}"),
        MovedExample("e", "{}", 1, 2, source='{"source_type": 1, "source_data": {}}'),
    ):
        with pytest.raises(Invalid):
            check_example(example)


def run(**changes: object) -> MovedRun:
    values: dict[str, object] = {
        "id": "a" * 32,
        "experiment": "0",
        "name": "n",
        "status": "FINISHED",
        "stage": "active",
        "user": "u",
        "start_ms": 1,
        "end_ms": 2,
        "artifact_uri": "x",
    }
    return MovedRun(**{**values, **changes})  # type: ignore[arg-type]


def test_bounds_of_a_run() -> None:
    check_run(run())
    for changes in (
        {"id": "../x"},
        {"id": ""},
        {"status": "DONE"},
        {"stage": "gone"},
        {"start_ms": 1 << 63},
        {"params": {"": "v"}},
        {"params": {"k": "v" * 200_000}},
        {"name": "n" * 2000},
    ):
        with pytest.raises(Invalid):
            check_run(run(**changes))


@given(st.binary(max_size=200))
def test_any_meta_yaml(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    root = tmp_path_factory.mktemp("store")
    for name, body in (("0", b"name: Default\nexperiment_id: '0'\n"), ("1", raw)):
        (root / name).mkdir()
        (root / name / "meta.yaml").write_bytes(body)
    source = FilesSource(root, Folders([root], None))
    found = source.experiments()
    assert "Default" in [one.name for one in found]
    assert len(found) + source.problems.count == 2


def test_what_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database at all, but long enough to look at")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE x (y)")
    other.close()
    (tmp_path / "empty").mkdir()
    for where in ("text.db", "other.db", "empty", "not there"):
        with pytest.raises(SourceError):
            open_source(str(tmp_path / where))
    for where in ("ftp://x/y", "s3://bucket"):
        with pytest.raises(SourceError):
            open_source(where)


_RUNS = "run_uuid, name, status, lifecycle_stage, user_id, start_time, end_time, artifact_uri, experiment_id"


def test_infinities_of_a_database(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE experiments (experiment_id, name, artifact_location, lifecycle_stage)")
        db.execute(f"CREATE TABLE runs ({_RUNS})")
        db.execute("CREATE TABLE metrics (key, value, timestamp, step, is_nan, run_uuid)")
        db.execute("CREATE TABLE params (run_uuid, key, value)")
        db.execute("CREATE TABLE tags (run_uuid, key, value)")
        db.execute("INSERT INTO experiments VALUES (7, 'old', NULL, 'active')")
        db.execute("INSERT INTO runs VALUES ('r', NULL, 'FINISHED', 'active', NULL, 1, NULL, 'x', 7)")
        db.executemany(
            "INSERT INTO metrics VALUES ('m', ?, 1, 0, ?, 'r')",
            [(1.7976931348623157e308, 0), (-1.7976931348623157e308, 0), (0, 1), (2, 0)],
        )
    source = open_source(str(path))
    [experiment] = source.experiments()
    [found] = source.runs(experiment)
    values = [point.value for point in source.points(found)]
    assert values[:2] == [math.inf, -math.inf]
    assert math.isnan(values[2])
    assert values[3] == 2.0
    source.close()
