"""Whatever a client names as a version's source or writes as a model's description: it is refused or read, never a
crash, and nothing of another's is let through."""

import asyncio
import posixpath
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.errors import TriopsError
from triops.kernel.ids import ProjectId
from triops.kernel.version import ModelVersion
from triops.lenses.mlops.artifacts.locations import check_scheme
from triops.lenses.mlops.registry.description import description_of
from triops.lenses.mlops.registry.origins import ModelOrigin, RunOrigin
from triops.lenses.mlops.registry.sources import ModelUri, Source, Sources

_P = ProjectId("p")
_ROOT = "mlflow-artifacts:/0/mine/artifacts"


class Origin:
    """One run and one logged model."""

    def __init__(self, root: str) -> None:
        self.root = root

    async def run(self, project: ProjectId, id: str) -> RunOrigin | None:
        return RunOrigin(id, "r", "0", self.root) if id == "mine" else None

    async def logged_model(self, project: ProjectId, id: str) -> ModelOrigin | None:
        return ModelOrigin(id, "m", f"{self.root}/model", "mine") if id == "m-1" else None

    async def registered(self, project: ProjectId, model_id: str, name: str, version: int) -> None:
        raise AssertionError("nothing is registered here")


async def resolve(project: ProjectId, uri: ModelUri) -> ModelVersion:
    return ModelVersion(uri.name, 1, 0, 0, "s3://b/x", "s3://b/x", run="mine")


def checked(source: str, run: str | None = None, model_id: str | None = None, root: str = _ROOT) -> Source:
    sources = Sources(Origin(root), resolve, lambda uri: check_scheme(uri, "source"))
    return asyncio.run(sources.checked(_P, source, run, model_id, prompt=False))


_PART = st.one_of(
    st.sampled_from(["..", ".", "%2e%2e", "%252e%252e", "mine", "artifacts", "0", "a", "", "\x00", "%00", "~", "\\"]),
    st.text(max_size=4),
)
_SCHEME = st.sampled_from(
    [
        "mlflow-artifacts:/",
        "mlflow-artifacts://h/",
        "file:///",
        "file:",
        "/",
        "",
        "runs:/",
        "models:/",
        "s3://b/",
        "http://h/",
    ]
)


@given(_SCHEME, st.lists(_PART, max_size=6), st.sampled_from([None, "", "mine", "x"]), st.sampled_from([None, "m-1"]))
def test_any_source_is_kept_or_refused(scheme: str, parts: list[str], run: str | None, model: str | None) -> None:
    source = scheme + "/".join(parts)
    try:
        kept = checked(source, run, model)
    except TriopsError:
        return
    assert ".." not in kept.uri.split("/")
    if scheme.startswith(("file", "http", "mlflow-artifacts://")):
        pytest.fail(f"{source} was let through")
    if scheme == "mlflow-artifacts:/":
        assert kept.uri.startswith("mlflow-artifacts:")
        assert "mine" in kept.uri


@given(st.lists(st.sampled_from(["..", ".", "a", "%2e%2e", "b"]), min_size=1, max_size=6), st.integers(0, 3))
def test_a_folder_of_the_run_holds_no_way_out(parts: list[str], quoted: int) -> None:
    path = "/".join(parts)
    for _ in range(quoted):
        path = quote(path)
    root = "/data/artifacts/mine"
    straight = posixpath.normpath(f"{root}/{path}")
    plain = straight
    for _ in range(quoted + 1):
        plain = unquote(plain)
    outside = ".." in plain.split("/") or not f"{straight}/".startswith(f"{root}/")
    try:
        kept = checked(f"{root}/{path}", "mine", root=root)
    except TriopsError:
        assert outside
    else:
        assert not outside
        assert ".." not in unquote(kept.storage).split("/")


def test_a_way_back_inside_the_run_is_kept_straight() -> None:
    root = "file:///data/artifacts/mine"
    assert checked(f"{root}/model/..", "mine", root=root) == Source(root, root, "mine", "")
    assert checked(f"{root}/a/../b", "mine", root=root).storage == f"{root}/b"


def test_what_is_ones_own_is_kept() -> None:
    assert checked(f"{_ROOT}/model", "mine") == Source(f"{_ROOT}/model", f"{_ROOT}/model", "mine", "")
    assert checked("runs:/mine/model", "mine").storage == "runs:/mine/model"
    assert checked("models:/m-1", None, "m-1") == Source("models:/m-1", f"{_ROOT}/model", "mine", "m-1")
    assert checked("models:/other@live") == Source("models:/other/1", "s3://b/x", "mine", "")
    assert checked("s3://b/x").run == ""


@given(st.binary(max_size=400))
def test_any_description_is_read_or_passed_over(raw: bytes) -> None:
    description_of(raw)


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_signature_of_any_kind(inputs: str, flavour: str) -> None:
    import yaml

    raw = yaml.safe_dump({"flavors": {flavour: {}}, "signature": {"inputs": inputs, "outputs": None}}).encode()
    assert len(description_of(raw).flavours) <= 1


def test_a_signature() -> None:
    raw = b"""
flavors: {python_function: {}, sklearn: {}}
signature:
  inputs: '[{"type": "double", "name": "age"},
    {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}]'
  outputs: '[{"type": "long"}]'
"""
    said = description_of(raw)
    assert said.flavours == ["python_function", "sklearn"]
    assert said.inputs == [("age", "double"), ("", "float32[-1, 3]")]
    assert said.outputs == [("", "long")]


def test_a_description_that_grows_is_not_read() -> None:
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"\n".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]".encode() for i in range(9)
    )
    assert description_of(bomb).flavours == ()
