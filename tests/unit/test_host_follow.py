"""Log files followed on a real disk: rotation, truncation, partial lines, restarts, bounds."""

import os
from pathlib import Path

import pytest

from triops.lenses.aiops.host import follow, tail
from triops.lenses.aiops.host.follow import LogFollower
from triops.lenses.aiops.host.tail import LINE_BYTES


def read(follower: LogFollower, *, commit: bool = True) -> list[str]:
    batch = follower.poll(1_000.0)
    if commit:
        follower.commit()
    assert not len(batch) or (batch.time_ns == 1_000 * 10**9).all()
    return list(batch.body)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


@pytest.fixture
def follower(tmp_path: Path, path: Path) -> LogFollower:
    return LogFollower((str(path),), tmp_path / "positions.json")


def test_old_lines_are_not_read_new_ones_are(path: Path, follower: LogFollower) -> None:
    append(path, "old\n")
    assert read(follower) == []
    append(path, "one\ntwo\n")
    assert read(follower) == ["one", "two"]
    assert read(follower) == []


def test_file_that_appears_later_is_read_from_its_beginning(path: Path, follower: LogFollower) -> None:
    assert read(follower) == []
    append(path, "first\n")
    assert read(follower) == ["first"]


def test_partial_line_waits_for_its_end(path: Path, follower: LogFollower) -> None:
    append(path, "old without end")
    assert read(follower) == []
    append(path, "\nhalf")
    assert read(follower) == ["old without end"]
    append(path, " and half\r\n")
    assert read(follower) == ["half and half"]


def test_rotation_by_renaming_loses_nothing(path: Path, follower: LogFollower) -> None:
    append(path, "old\n")
    read(follower)
    append(path, "one\n")
    assert read(follower) == ["one"]
    append(path, "two\nlast words")
    path.rename(path.with_suffix(".log.1"))
    append(path, "three\n")
    assert read(follower) == ["two", "last words", "three"]
    append(path, "four\n")
    assert read(follower) == ["four"]


def test_rotated_name_in_the_pattern_gives_no_line_twice(tmp_path: Path, path: Path) -> None:
    follower = LogFollower((str(tmp_path / "app.log*"),), tmp_path / "positions.json")
    append(path, "old\n")
    read(follower)
    append(path, "one\n")
    assert read(follower) == ["one"]
    append(path, "two\n")
    path.rename(tmp_path / "app.log.1")
    append(path, "three\n")
    assert sorted(read(follower)) == ["three", "two"]
    assert read(follower) == []


@pytest.mark.parametrize("new", ["new\n", "a new beginning that is longer than everything that was there before\n"])
def test_truncation_and_rewriting_in_place(path: Path, follower: LogFollower, new: str) -> None:
    append(path, "old\n")
    read(follower)
    append(path, "a line\nanother line\n")
    assert len(read(follower)) == 2
    path.write_text(new)
    assert read(follower) == [new.strip()]


def test_positions_survive_a_restart(tmp_path: Path, path: Path, follower: LogFollower) -> None:
    append(path, "old\n")
    read(follower)
    append(path, "one\n")
    assert read(follower) == ["one"]
    append(path, "two\n")
    path.rename(path.with_suffix(".1"))
    append(path, "three\n")
    again = LogFollower((str(path),), tmp_path / "positions.json")
    assert read(again) == ["two", "three"]


def test_what_was_not_committed_comes_again(path: Path, follower: LogFollower) -> None:
    append(path, "old\n")
    read(follower)
    append(path, "one\n")
    assert read(follower, commit=False) == ["one"]
    append(path, "two\n")
    assert read(follower) == ["one", "two"]


@pytest.mark.parametrize("junk", ["", "[]", '{"a": 1}', '{"a": {"offset": -1}}', "\0", '{"a": null}'])
def test_broken_positions_start_at_the_end(tmp_path: Path, path: Path, junk: str) -> None:
    (tmp_path / "positions.json").write_text(junk)
    append(path, "old\n")
    follower = LogFollower((str(path),), tmp_path / "positions.json")
    assert read(follower) == []
    append(path, "new\n")
    assert read(follower) == ["new"]


def test_a_poll_is_bounded_and_starves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "LINE_BYTES", 100)
    monkeypatch.setattr(follow, "FILE_BYTES", 10_000)
    monkeypatch.setattr(follow, "POLL_BYTES", 25_000)
    paths = [tmp_path / f"{name}.log" for name in "abcd"]
    follower = LogFollower((str(tmp_path / "*.log"),))
    read(follower)
    for path in paths:
        append(path, "".join(f"{path.stem} {number:06d}\n" for number in range(5000)))
    got: list[str] = []
    seen_after_two_polls = set()
    for poll in range(100):
        lines = read(follower)
        assert sum(map(len, lines)) <= 25_000
        got += lines
        if poll == 1:
            seen_after_two_polls = {line[0] for line in got}
        if not lines:
            break
    assert seen_after_two_polls == set("abcd")
    assert len(got) == 20_000 == len(set(got))
    for path in paths:
        mine = [line for line in got if line[0] == path.stem]
        assert mine == sorted(mine)


def test_line_without_end_is_handed_out_in_parts(path: Path, follower: LogFollower) -> None:
    append(path, "old\n")
    read(follower)
    append(path, "x" * (LINE_BYTES * 2 + 10))
    parts = read(follower)
    assert parts
    assert max(map(len, parts)) <= LINE_BYTES
    append(path, "\n")
    parts += read(follower)
    assert "".join(parts) == "x" * (LINE_BYTES * 2 + 10)


def test_bytes_that_are_no_text(path: Path, follower: LogFollower) -> None:
    append(path, "old\n")
    read(follower)
    with path.open("ab") as file:
        file.write(b"\xff\xfe caf\xc3\xa9\n\n")
    assert read(follower) == ["�� café"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_named_and_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("")
    follower = LogFollower((str(tmp_path / "*.log"),))
    read(follower)
    append(tmp_path / "b.log", "b\n")
    (tmp_path / "b.log").chmod(0)
    append(tmp_path / "a.log", "a\n")
    assert read(follower) == ["a"]
    assert list(follower.unreadable) == [str(tmp_path / "b.log")]


def test_columns(path: Path, tmp_path: Path) -> None:
    follower = LogFollower((str(path),), service="till")
    read(follower)
    append(path, "ERROR no paper\n")
    batch = follower.poll(5.0)
    assert batch.severity.tolist() == [17]
    assert '"service.name":"till"' in batch.resources.attributes[0]
    assert f'"log.file.path":"{path}"' in batch.attributes[0]
    assert int(batch.resource[0]) == int(batch.resources.fingerprint[0])
