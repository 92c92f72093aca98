"""The gateway's journal: whole records in order, whatever a kill or a full disk left behind."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triops.adapters.embedded.journal import FileJournal, FileJournalReader, segments
from triops.kernel.errors import StoreFull, Unavailable
from triops.testing.server import wait_for


def written(folder: Path, bodies: list[bytes], segment: int = 1 << 20) -> None:
    journal = FileJournal(folder, segment=segment)
    for body in bodies:
        journal.append("i", body)
    journal.close()


def read(folder: Path, after: int = 0, most: int = 10_000) -> list[tuple[int, str, bytes]]:
    return [(entry.seq, entry.kind, entry.body) for entry in FileJournalReader(folder).read(after, most)]


def test_entries_are_read_in_order_and_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path, [b"one", b"two"])
    journal = FileJournal(tmp_path)
    assert journal.append("o", b"three") == 3
    assert read(tmp_path) == [(1, "i", b"one"), (2, "i", b"two"), (3, "o", b"three")]
    assert read(tmp_path, after=1, most=1) == [(2, "i", b"two")]
    assert read(tmp_path, after=3) == []
    journal.close()


def test_a_reader_goes_on_where_it_was_over_new_segments(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, segment=100)
    reader = FileJournalReader(tmp_path)
    seen: list[int] = []
    for number in range(50):
        journal.append("i", b"x" * 30)
        if number % 7 == 0:
            seen += [entry.seq for entry in reader.read(seen[-1] if seen else 0, 3)]
    while more := reader.read(seen[-1], 3):
        seen += [entry.seq for entry in more]
    assert seen == list(range(1, 51))
    assert len(segments(tmp_path)) > 10
    journal.close()


def test_a_reader_takes_only_so_many_bytes_at_a_time(tmp_path: Path) -> None:
    written(tmp_path, [b"x" * 30] * 9, segment=100)
    reader, seen = FileJournalReader(tmp_path), []
    while more := reader.read(sum(seen), 10, most_bytes=61):
        seen.append(len(more))
    assert seen == [3, 3, 3], "until there are as many, and never none"


def test_applied_segments_are_dropped_but_never_the_newest(tmp_path: Path) -> None:
    written(tmp_path, [b"x" * 30] * 9, segment=100)
    FileJournalReader(tmp_path).drop_through(9)
    assert len(segments(tmp_path)) == 1
    journal = FileJournal(tmp_path)
    assert journal.append("i", b"next") == 10
    journal.close()


def test_numbers_never_begin_below_what_was_applied(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, after=41)
    assert journal.append("i", b"x") == 42
    assert read(tmp_path, after=41) == [(42, "i", b"x")]
    journal.close()


def test_only_one_process_writes(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    with pytest.raises(Unavailable, match="held by another"):
        FileJournal(tmp_path)
    journal.close()
    FileJournal(tmp_path).close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(bodies=st.lists(st.binary(max_size=40), min_size=1, max_size=6), cut=st.integers(1, 60), junk=st.binary())
def test_a_torn_end_is_cut_off_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], cut: int, junk: bytes
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    written(folder, bodies)
    (_, path), *_ = segments(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)] + junk[:16] if cut < 30 else whole + junk[:16])
    before = read(folder)
    assert before == [(n + 1, "i", body) for n, body in enumerate(bodies)][: len(before)]
    journal = FileJournal(folder)
    assert journal.append("o", b"after") == len(before) + 1
    journal.close()
    assert read(folder) == [*before, (len(before) + 1, "o", b"after")]
    if cut >= 30:
        assert len(before) == len(bodies)


def test_a_torn_record_that_is_not_the_last_is_an_error_that_names_the_segment(tmp_path: Path) -> None:
    written(tmp_path, [b"x" * 30] * 9, segment=100)
    (_, path), *_ = segments(tmp_path)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(Unavailable, match=path.name):
        read(tmp_path)


def test_a_full_disk_keeps_nothing_of_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = FileJournal(tmp_path)
    journal.append("i", b"first")
    real = os.write

    def full(fd: int, data: bytes) -> int:
        return real(fd, data[:10])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreFull):
        journal.append("i", b"second")
    monkeypatch.undo()
    assert journal.append("i", b"third") == 2
    assert read(tmp_path) == [(1, "i", b"first"), (2, "i", b"third")]
    journal.close()


def test_over_its_bound_it_takes_no_intent_until_the_books_have_caught_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triops.adapters.embedded.journal._LOOK_S", 0.0)
    journal = FileJournal(tmp_path, segment=200, most=1000)

    def refused() -> bool:
        try:
            journal.append("i", b"x" * 30)
        except StoreFull as error:
            return "its bound" in error.message
        return False

    wait_for(refused, what="the bound")
    state = journal.state()
    assert state["bytes"] >= state["most"] == 1000
    assert state["full"]
    last = journal.append("o", b"what has begun may end")
    FileJournalReader(tmp_path).drop_through(last)
    wait_for(lambda: not refused(), what="room")
    assert (journal.state()["full"], journal.last) == ("", last + 1)
    journal.close()


def test_hardly_any_room_on_the_disk_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triops.adapters.embedded.journal._SPARED", 1 << 62)
    journal = FileJournal(tmp_path)
    with pytest.raises(StoreFull, match="left"):
        journal.append("i", b"x")
    assert journal.append("o", b"y") == 1
    journal.close()


def test_it_goes_on_syncing_where_a_segment_ended_just_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls, synced = os.dup, 0, []

    def closed_once(fd: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError(9, "Bad file descriptor")
        return real(fd)

    journal = FileJournal(tmp_path)
    monkeypatch.setattr(os, "dup", closed_once)
    monkeypatch.setattr(os, "fdatasync", synced.append)
    journal.append("i", b"x")
    wait_for(lambda: synced, what="the disk to have it")
    journal.close()


def test_what_is_appended_after_a_sync_is_synced_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    journal = FileJournal(tmp_path)
    for _ in range(3):
        before = len(synced)
        journal.append("i", b"one")
        wait_for(lambda before=before: len(synced) > before, what="the disk to have it")  # type: ignore[misc]
    journal.close()
