import re
from pathlib import Path

import pytest

import triops
from triops.kernel.errors import Invalid
from triops.settings import Settings, load


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "triops.toml"
    file.write_text('[server]\nport = 1\nhost = "::1"\n[retention]\nlogs_days = 3\n')
    environ = {"TRIOPS_SERVER_PORT": "2", "TRIOPS_COLLECTOR_LOG_FILES": "/a, /b", "TRIOPS_DATA": "elsewhere"}
    settings = load({"server.port": 3, "server.data": None}, file, environ)
    assert (settings.server.port, settings.server.host, settings.retention.logs_days) == (3, "::1", 3)
    assert settings.collector.log_files == ("/a", "/b")
    assert settings.loopback


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"TRIOPS_SERVER_PORT": "http"}, "server.port"),
        ({"TRIOPS_SERVER_PROT": "1"}, "server.prot"),
        ({"TRIOPS_RETENTION_LOGS_DAYS": "0"}, "retention.logs_days"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], names: str) -> None:
    with pytest.raises(Invalid) as caught:
        load(environ=environ)
    assert caught.value.details["field"] == names
    assert "environment" in caught.value.message


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="does not exist"):
        load(file=tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[server\n")
    with pytest.raises(Invalid, match="cannot read"):
        load(file=tmp_path / "bad.toml")


def test_beyond_loopback_is_known() -> None:
    assert not load({"server.host": "0.0.0.0"}, environ={}).loopback
    assert Settings().loopback


def test_every_setting_is_read() -> None:
    """A setting that nothing reads promises what nobody keeps."""
    package = Path(triops.__file__).parent
    readers = "".join(path.read_text() for path in (*package.glob("app*.py"), package / "server.py"))
    keys = {key for section in Settings.model_fields.values() for key in section.annotation.model_fields}
    assert {key for key in keys if not re.search(rf"\.{key}\b", readers)} == set()
