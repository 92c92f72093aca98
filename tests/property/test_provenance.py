"""What clients send of where a run came from is read without ever failing, and masked without leaking."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.masking import MASK, masked_text
from triops.lenses.mlops.provenance.comparing import compared
from triops.lenses.mlops.provenance.model import of_record, packages_of_requirements, python_of_env

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 40), 1 << 40) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
PARTS = ("code", "python", "machine", "command", "seed", "packages", "environment")


@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    of_record(raw)
    python_of_env(raw)
    for name, version in packages_of_requirements(raw).items():
        assert name
        assert isinstance(version, str)


def test_a_few_lines_of_yaml_do_not_become_billions() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 12)]
    assert python_of_env("\n".join([*lines, "python: *a11"]).encode()) == ""
    assert python_of_env(b"python: 3.12") == "3.12"
    assert python_of_env(b"python: [3, 12]") == ""


@given(st.dictionaries(st.sampled_from(PARTS), JSON))
def test_any_record(record: dict[str, object]) -> None:
    found = of_record(orjson.dumps(record))
    assert found is not None
    assert found.recorded
    assert all(isinstance(value, str) for value in (*found.packages.values(), *found.machine.values(), found.host))


def test_what_track_writes() -> None:
    record = {
        "code": {"version": "abc", "branch": "main", "dirty": True, "diff": "+x", "untracked": ["a"]},
        "python": {"version": "3.12.1"},
        "machine": {"host": "box", "cpus": 8, "gpus": ["H100", "H100"]},
        "packages": {"numpy": "2.0"},
        "seed": "3",
        "environment": ["PATH"],
    }
    found = of_record(orjson.dumps(record))
    assert found is not None
    assert (found.code.version, found.code.dirty, found.python, found.host) == ("abc", True, "3.12.1", "box")
    assert found.machine == {"host": "box", "cpus": "8", "gpus": "H100, H100"}
    assert (found.packages, found.seed, found.environment) == ({"numpy": "2.0"}, "3", ("PATH",))


def test_requirements() -> None:
    raw = b"# made\nnumpy==1.2.3\npandas[all]>=2,<3 ; python_version > '3.8'\n-r other\nscipy\n--index-url https://x\n"
    assert packages_of_requirements(raw) == {"numpy": "1.2.3", "pandas": ">=2", "scipy": ""}
    assert python_of_env(b"python: 3.11.7\nbuild_dependencies: [pip]\n") == "3.11.7"
    assert python_of_env(b"dependencies:\n- python=3.10.2\n- pip\n") == "3.10.2"


SECRET = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=12, max_size=30)
NAMES = st.sampled_from(["password", "API_KEY", "db.secret", "access-token", "aws_secret"])
FORMS = st.sampled_from(["{}={}", "{}: {}", '{} = "{}"', "+    {} = '{}'", '"{}": "{}",'])


@given(NAMES, FORMS, SECRET, st.text(max_size=30))
def test_what_is_assigned_to_a_secret_is_masked(name: str, form: str, secret: str, before: str) -> None:
    shown = masked_text(f"{before}\n{form.format(name, secret)}\nrate = 0.1\n")
    assert secret not in shown.removeprefix(before)
    assert MASK in shown
    assert shown.endswith("rate = 0.1\n")


def test_shapes_of_secrets() -> None:
    for text in (
        "see https://ann:s3cretword@host/x",
        "x = 'ghp_" + "a" * 36 + "'",
        "AKIA" + "A" * 16,
        "curl -H 'Authorization: Bearer abcdefghijkl'",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ):
        assert MASK in masked_text(text), text
    plain = "for key in keys:\n    total += weights[key] * 3  # https://example.com/a?b=c\n"
    assert masked_text(plain) == plain


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from([1.0, float("nan"), "x"])), min_size=2))
def test_rows_have_one_value_a_run(each: list[dict[str, object]]) -> None:
    rows = compared(each)
    assert [row.key for row in rows] == sorted({key for one in each for key in one})
    for row in rows:
        assert len(row.values) == len(each)
        assert row.same == (len({str(value) for value in row.values}) == 1)
