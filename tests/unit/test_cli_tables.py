"""Tables of the command line, wide and narrow."""

import pytest

from triops.cli.output import table

SPEND = ("key", "model", "calls #", "errors #", "tokens in #", "out #", "cost $ #", "saved $ #")
ROWS = [
    ["support-bot-production", "claude-sonnet-4-5-20250929", 12345, 12, 123456789, 1234567, "123.456789012345", "0"],
    ["checkout", "gpt-4o-mini", 5, 0, 100, 20, "0.0000345", "0"],
]
TITLE = "llm.output_tokens.by_model.p95 of support-assistant/gpt-4o-mini is unusual: 312.00 instead of 120.00 [b]"


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_what_fits_stands_side_by_side(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table(ROWS[1:], SPEND, apart=("key", "model"), empty="")
    head, row = shown(capsys)
    assert head.split() == ["key", "model", "calls", "errors", "tokens", "in", "out", "cost", "$", "saved", "$"]
    assert row.split() == ["checkout", "gpt-4o-mini", "5", "0", "100", "20", "0.0000345", "0"]
    assert head.index("out") + 3 == row.index("20") + 2  # numbers stand to the right


def test_what_does_not_has_its_names_above(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table(ROWS, SPEND, apart=("key", "model"), empty="")
    lines = shown(capsys)
    assert lines[0] == "key · model"
    assert lines[2] == "support-bot-production · claude-sonnet-4-5-20250929"
    assert lines[3].split() == ["12345", "12", "123456789", "1234567", "123.456789012345", "0"]
    assert {len(line) for line in (lines[1], lines[3], lines[5])} == {len(lines[1])}
    assert len(lines) == 6
    monkeypatch.setenv("COLUMNS", "200")
    table(ROWS, SPEND, apart=("key", "model"), empty="")
    assert len(shown(capsys)) == 3


def test_a_long_title_is_broken_between_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = [["inc_0123456789ab", "open", "warning", f"{TITLE}\nagain", "prompt greeting: version 3 (62%)"]]
    table(rows, ("id", "status", "severity", "title", "cause"), apart=("title", "cause"), empty="")
    head, _, *lines, last = shown(capsys)
    assert head == "title · cause"
    assert " ".join(line.rstrip() for line in lines) == f"{TITLE} again · prompt greeting: version 3 (62%)"
    assert all(len(line) <= 80 for line in lines)
    assert last.split() == ["inc_0123456789ab", "open", "warning"]


def test_nothing_to_show_says_what_would_be_here(capsys: pytest.CaptureFixture[str]) -> None:
    table([], SPEND, empty="No call yet [at all].")
    assert shown(capsys) == ["No call yet [at all]."]
