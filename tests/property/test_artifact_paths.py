"""Whatever a client sends as path, location or range: an answer that is safe, or a refusal; nothing else."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.errors import Invalid
from triops.lenses.mlops.artifacts import check_location, checked_root, safe_path
from triops.lenses.mlops.artifacts.locations import folder_path, proxied_path
from triops.web.files import byte_range
from triops.web.media import disposition, media_type

PART = st.text(st.sampled_from("ab.%2eEfF5/\\:#?; \x00\nü~"), max_size=30)
ANY = st.one_of(st.text(max_size=100), PART)
NAME = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="/\\#?%:"), min_size=1, max_size=40
).filter(lambda name: name not in (".", ".."))


@given(ANY)
def test_a_safe_path_stays_below_its_root(given: str) -> None:
    try:
        path = safe_path(given)
    except Invalid:
        return
    parts = path.split("/")
    assert all(part not in ("", ".", "..") for part in parts)
    assert not set(path) & set("\\#?\x00\n")
    assert Path("/root", path).resolve().is_relative_to("/root")
    assert safe_path(path) == path  # nothing is left to decode


@given(st.lists(NAME, min_size=1, max_size=5), st.integers(0, 9))
def test_names_survive_however_often_they_are_encoded(names: list[str], times: int) -> None:
    path = encoded = "/".join(names)
    for _ in range(times):
        encoded = quote(encoded)
    assert safe_path(encoded) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/",
        "/etc/passwd",
        "..",
        "a/../b",
        "a/..",
        "./..",
        "%2e%2e/a",
        "a/%2e%2e/b",
        "a/%252e%252e/b",
        "a/.%2e/b",
        "..%2fa",
        "..%5ca",
        "a\\b",
        "..\\a",
        "C:/a",
        "C:\\a",
        "c:a",
        "\\\\host\\share",
        "//host/share",
        "%2fetc/passwd",
        "a#b",
        "a%23/../b",
        "a?b",
        "a%3fb",
        "a\x00b",
        "a%00b",
        "a\nb",
        "file:a",
        "file:///etc/passwd",
        "FILE:/etc",
        "http://host/a",
        "mlflow-artifacts:/a",
        "a" * 256,
        "a/" * 1025,
        "\ud800",
        "%25" * 20 + "2525252525252525252525252e",
    ],
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(Invalid, match=r"^Invalid path"):
        safe_path(path)


@pytest.mark.parametrize(
    ("given", "path"),
    [("a/./b//c/", "a/b/c"), ("a b/ü", "a b/ü"), ("a%20b", "a b"), ("50%", "50%"), ("12:30", "12:30"), ("...", "...")],
)
def test_what_is_a_path(given: str, path: str) -> None:
    assert safe_path(given) == path


@given(ANY)
def test_any_location_is_answered_or_refused(given: str) -> None:
    try:
        location = check_location(given, "artifact_location")
    except Invalid:
        return
    path = proxied_path(location)
    assert path is None or not path or safe_path(path) == path
    folder_path(location)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("http://host#/abc/etc/", "'artifact_location' URL can't include fragments or params."),
        ("http://host/;..%2F..%2Fetc", "'artifact_location' URL can't include fragments or params."),
        ("s3://bucket/a#b", "'artifact_location' URL can't include fragments or params."),
        ("s3://bucket/a?x=../../b", "Invalid query string"),
        ("s3://bucket/a?x=%252e%252e", "Invalid query string"),
        ("runs:/abc/model", "Artifact location cannot be a runs:/ URI. Given: 'runs:/abc/model'"),
        ("mlflow-artifacts:/a/../b", "Invalid path"),
        ("mlflow-artifacts:/a/%2e%2e/b", "Invalid path"),
        ("s3://" + "a" * 2048, "Invalid artifact path length."),
        ("a\x00b", "control characters"),
        ("http://[::1", "is not a URI"),
        *(
            (f"{scheme}://host/a", f"'artifact_location' cannot use the '{scheme}' scheme: the '{scheme}' scheme")
            for scheme in ("http", "https", "ftp", "sftp", "hdfs", "viewfs", "mlflow-artifacts", "r2", "b2", "abfss")
        ),
    ],
)
def test_locations_that_are_refused(uri: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_location(uri, "artifact_location")
    assert words in refused.value.message


def test_locations_that_clients_may_name() -> None:
    for uri in (
        "s3://bucket/a",
        "gs://b/c",
        "file:///tmp/x",
        "/tmp/x",
        "dbfs:/a",
        "mlflow-artifacts:/a/b",
        "s3://b/a;c",
    ):
        assert check_location(uri, "artifact_location") == uri
    assert check_location("my_location", "artifact_location") == str(Path.cwd() / "my_location")
    assert check_location("file:my/location", "artifact_location") == (Path.cwd() / "my/location").as_uri()
    with pytest.raises(Invalid, match="is not a valid remote uri"):
        check_location("file://elsewhere/a", "artifact_location")
    root = "http://here:5000/api/2.0/mlflow-artifacts/artifacts"
    assert check_location(root + "/0/r/artifacts", "source", root) == root + "/0/r/artifacts"
    with pytest.raises(Invalid):
        check_location("http://there:5000/api/2.0/mlflow-artifacts/artifacts/0", "source", root)


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("mlflow-artifacts:/", "mlflow-artifacts:/"),
        ("mlflow-artifacts:/a/", "mlflow-artifacts:/a"),
        ("file:///srv/a/", "file:///srv/a"),
        ("/srv/a/", "/srv/a"),
        ("s3://bucket/a/", "s3://bucket/a"),
        ("http://h:1/api/2.0/mlflow-artifacts/artifacts", "http://h:1/api/2.0/mlflow-artifacts/artifacts"),
    ],
)
def test_roots_that_an_administrator_may_set(given: str, root: str) -> None:
    assert checked_root(given) == root


@pytest.mark.parametrize(
    "root", ["http://h/", "ftp://h/a", "file://host/a", "s3:", "/a/../b", "C:/a", "s3://b/a#c", "x:y"]
)
def test_what_is_no_root(root: str) -> None:
    with pytest.raises(Invalid):
        checked_root(root)


@given(st.one_of(st.text(max_size=30), st.from_regex(r"bytes=\d{0,25}-\d{0,25}", fullmatch=True)), st.integers(0, 50))
def test_any_range_is_within_the_file_or_none(header: str, size: int) -> None:
    found = byte_range(header, size)
    if found is not None:
        assert 0 <= found[0] <= size
        assert found[1] <= size


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=50))
def test_any_name_makes_headers(name: str) -> None:
    disposition(name).encode("ascii")
    media_type(name).encode("ascii")
