"""An address that stands in lines of its own is found by its parts, one in a sentence or after a label as one thing."""

import pytest

from triops.kernel.completion import Delta
from triops.lenses.llmops.guards import Guarding, Redactor
from triops.lenses.llmops.guards.model import Span
from triops.lenses.llmops.guards.pii import Pii
from triops.lenses.llmops.guards.pii.addresses import parts
from triops.lenses.llmops.guards.pii.gazetteer import COUNTRY, Gazetteer

LISTS = Gazetteer.of({COUNTRY: ["Austria", "New", "Zealand"]})


def told(text: str, start: int = 0) -> list[tuple[str, str]]:
    found = parts(text, Span(start, len(text), "STREET_ADDRESS"), LISTS)
    return [(text[span.start : span.end], span.type) for span in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Am Graben 7\n Top 3, 2nd floor\n1010 Wien\nAustria",
            [("Am Graben 7", "STREET_ADDRESS"), ("Top 3, 2nd floor", "STREET_ADDRESS"), ("1010", "ZIP_CODE"),
             ("Wien", "GPE"), ("Austria", "GPE")],
        ),
        (
            "210 Orchard Ave.\nSuite 1200\nMadison, WI 53703",
            [("210 Orchard Ave.", "STREET_ADDRESS"), ("Suite 1200", "STREET_ADDRESS"), ("Madison", "GPE"),
             ("WI", "GPE"), ("53703", "ZIP_CODE")],
        ),
        ("9 Mill Rd\nLeeds\nLS6 3HN", [("9 Mill Rd", "STREET_ADDRESS"), ("Leeds", "GPE"), ("LS6 3HN", "ZIP_CODE")]),
        ("New Zealand 9012", [("New Zealand", "GPE"), ("9012", "ZIP_CODE")]),
        ("210 Orchard Ave, Madison, WI 53703", [("210 Orchard Ave, Madison, WI 53703", "STREET_ADDRESS")]),
        ("...", [("...", "STREET_ADDRESS")]),
    ],
)  # fmt: skip
def test_lines_are_parts(text: str, expected: list[tuple[str, str]]) -> None:
    assert told(text) == expected
    assert told(f"Ann\n - {text}", len("Ann\n - ")) == expected


@pytest.mark.parametrize("before", ["Send it to ", "Address: ", "Address:\n", "my address is this:\n\n"])
def test_what_is_said_in_a_sentence_or_a_label_is_one_thing(before: str) -> None:
    address = "Am Graben 7\n1010 Wien"
    assert told(before + address, len(before)) == [(address, "STREET_ADDRESS")]


LABEL = "Fiona Gallagher\n14 Harbour Street\nGalway\nIreland"


def test_each_part_has_a_placeholder() -> None:
    assert Redactor([], secrets=False)(LABEL) == "[PERSON]\n[STREET_ADDRESS]\n[GPE]\n[GPE]"


def test_a_part_whose_type_is_not_looked_for_goes_as_part_of_the_address() -> None:
    redacted = Redactor(["STREET_ADDRESS"], secrets=False)(LABEL)
    assert redacted == "Fiona Gallagher\n[STREET_ADDRESS]\n[STREET_ADDRESS]\n[STREET_ADDRESS]"
    assert Redactor(["GPE"], secrets=False)(LABEL) == "Fiona Gallagher\n14 Harbour Street\n[GPE]\n[GPE]"


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_stream_says_the_same_however_it_is_divided(size: int) -> None:
    text = f"here is what was written on the label\n\n{LABEL}\n\nand that is all there was on it, nothing else\n"
    guard = Guarding({"g": {"pii": {"types": [], "action": "redact"}}}).stream()
    deltas = [Delta("text", text=text[at : at + size]) for at in range(0, len(text), size)]
    out = [delta for one in deltas for delta in guard.feed([one])[0]] + guard.end()[0]
    assert "".join(delta.text for delta in out) == text.replace(LABEL, "[PERSON]\n[STREET_ADDRESS]\n[GPE]\n[GPE]")


def test_names_end_with_their_line() -> None:
    text = "Approved by\nKatarzyna Nowak\nMiguel Fernandez\n"
    assert [text[span.start : span.end] for span in Pii(["PERSON"]).read(text).spans] == [
        "Katarzyna Nowak",
        "Miguel Fernandez",
    ]


def test_a_shortened_street_does_not_end_an_address() -> None:
    text = "Please bring it to 12 Harbour St.\nGalway, Ireland before noon."
    assert [text[span.start : span.end] for span in Pii(["STREET_ADDRESS"]).read(text).spans] == [
        "12 Harbour St.\nGalway, Ireland"
    ]
