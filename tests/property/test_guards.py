"""Guards: a text is judged alike however it comes in pieces, and none makes them fail."""

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.completion import Delta
from triops.lenses.llmops.guards import Guarding, Redactor
from triops.lenses.llmops.guards.passage import LOOK_AHEAD, Passage
from triops.lenses.llmops.guards.pii.checksums import IBAN_LENGTHS, iban, luhn
from triops.lenses.llmops.guards.screen import Screen

SPECS = {
    "g": {
        "pii": {"types": [], "action": "redact"},
        "secrets": {"action": "redact"},
        "topics": {"deny": ["blue moon*", "rust"], "action": "redact"},
    }
}
GUARDS = Guarding(SPECS)
WORDS = [
    *(
        "the",
        "card",
        "is",
        "of",
        "May",
        "may",
        "5",
        "1984",
        "call",
        "me",
        "at",
        "Dr.",
        "Ann",
        "Meyer",
        "Main St.",
        "rust",
    ),
    *("ann@example.org", "4111 1111 1111 1111", "4111", "1111", "+44 20 7946 0958", "ext", "12", "GB82 WEST 1234 5698"),
    *(
        "7654 32",
        "536-22-8714",
        "https://a.example.com/x",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "password",
        ":",
        "= ",
        "hunter2-X9",
    ),
    *("blue", "moon", "moons", ",", ".", "\n", "(555)", "010-9999", "of march 2020", "11 pm", "Lisbon", "and", "née"),
]
prose = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)
cuts = st.lists(st.integers(0, 400), max_size=40)


def pieces(text: str, places: list[int]) -> list[str]:
    marks = sorted({0, len(text), *(place for place in places if place < len(text))})
    return [text[a:b] for a, b in itertools.pairwise(marks)]


@given(prose, cuts, st.integers(0, 400))
def test_places_move_with_what_was_replaced(text: str, places: list[int], place: int) -> None:
    """However the text came in pieces: what stands before a place that was kept stands before where it moved to."""
    whole, apart = (Passage(GUARDS.outward, look_ahead=10_000) for _ in range(2))
    out = "".join(piece for piece, _ in (whole.feed(text), whole.end()))
    split = "".join(piece for piece, _ in (*map(apart.feed, pieces(text, places)), apart.end()))
    place = min(place, len(text))
    assert whole.moved(place) == (apart.moved(place) if out == split else whole.moved(place))
    assert (whole.moved(0), whole.moved(len(text))) == (0, len(out))
    kept = text[place : place + 1]
    after = text[place:]
    if kept and out.endswith(after):  # nothing is replaced from here on
        assert out[whole.moved(place) :] == after


@given(prose, cuts)
def test_pieces_are_judged_as_the_whole(text: str, places: list[int]) -> None:
    """With a look-ahead that no run of names and numbers here exceeds."""
    whole = Passage(GUARDS.outward, look_ahead=10_000)
    together = [whole.feed(text), whole.end()]
    apart = Passage(GUARDS.outward, look_ahead=10_000)
    split = [*map(apart.feed, pieces(text, places)), apart.end()]
    assert "".join(out for out, _ in split) == "".join(out for out, _ in together)
    assert [f for _, found in split for f in found] == [f for _, found in together for f in found]


@given(st.lists(st.text(max_size=80) | prose, max_size=8))
def test_a_stream_holds_back_no_more_than_it_says(texts: list[str]) -> None:
    guard = GUARDS.stream()
    passage = Passage(Screen(SPECS, "output"))
    for text in texts:
        out, _ = guard.feed([Delta("text", text=text)])
        assert all(delta.kind == "text" for delta in out)
        passage.feed(text)
        assert passage.held <= LOOK_AHEAD
    guard.end()
    passage.end()
    assert passage.held == 0


@given(st.text(max_size=600))
def test_no_text_makes_a_guard_fail(text: str) -> None:
    Redactor([])(text)
    guard = GUARDS.stream()
    for char in text:
        guard.feed([Delta("arguments", text=char)])
    guard.end()


@given(st.text(alphabet="0123456789", min_size=1, max_size=18))
def test_luhn(digits: str) -> None:
    assert sum(luhn(digits + last) for last in "0123456789") == 1


@given(st.sampled_from(sorted(IBAN_LENGTHS)), st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=40))
def test_iban(country: str, account: str) -> None:
    account = account[: IBAN_LENGTHS[country] - 4]
    assert sum(iban(f"{country}{check:02}{account}") for check in range(2, 99)) == 1


@given(prose, st.integers(5, 40))
def test_names_are_found_alike_in_small_pieces(text: str, size: int) -> None:
    """As many looks as there can be."""
    whole = Passage(GUARDS.outward, look_ahead=10_000)
    small = Passage(GUARDS.outward, look_ahead=10_000, batch=1)
    out = [small.feed(text[at : at + size]) for at in range(0, len(text), size)] + [small.end()]
    assert "".join(piece for piece, _ in out) == whole.whole(text)[0]


strings = prose | st.text(max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**17) | st.floats(allow_nan=False, allow_infinity=False) | strings,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=4),
    max_leaves=12,
)


@given(values, st.booleans(), cuts)
def test_arguments_of_tools_stay_json(value: object, ascii_only: bool, places: list[int]) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    passage = Passage(GUARDS.outward, look_ahead=10_000, json=True)
    out = "".join(passage.feed(piece)[0] for piece in pieces(text, places)) + passage.end()[0]
    json.loads(out)
    assert "ann@example.org" not in out
