"""A block that holds a needle is never passed over, however long its texts are and wherever the needle lies."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from triops.adapters.embedded.grams import COLUMNS, asked, signed
from triops.adapters.embedded.pairs import paired, told

TEXTS = st.lists(st.tuples(st.binary(max_size=40), st.integers(1, 400), st.integers(1, 2)), min_size=1, max_size=12)


@settings(max_examples=60)
@given(TEXTS, st.data())
def test_every_piece_of_a_text_is_signed(given_texts: list[tuple[bytes, int, int]], data: st.DataObject) -> None:
    texts = [piece * times for piece, times, _ in given_texts]
    owner = np.array([project for _, _, project in given_texts], dtype=np.uint64)
    found = signed(texts, owner)
    assert len(found.block) == len(texts)
    for block in set(found.block.tolist()):
        assert len(set(owner[found.block == block].tolist())) == 1  # projects share no block
    row = data.draw(st.integers(0, len(texts) - 1))
    start = data.draw(st.integers(0, len(texts[row])))
    needle = texts[row][start : start + data.draw(st.integers(0, 700))]
    own = found.words[found.of == found.block[row]]
    bits = asked(needle)
    at = {column: place for place, column in enumerate(COLUMNS)}
    assert any(all(int(words[at[column]]) & mask == mask for column, mask in bits.items()) for words in own)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.text(max_size=30), st.integers(1, 3)), min_size=1, max_size=12))
def test_two_letters_of_a_text_are_told_of_for_its_project(given_texts: list[tuple[str, int]]) -> None:
    texts = [text.encode("utf-8", "replace") for text, _ in given_texts]
    owner = np.array([project for _, project in given_texts], dtype=np.uint64)
    rows = paired(texts, owner, np.arange(len(texts), dtype=np.uint64) + np.uint64(7))
    of = {project: place for place, project in enumerate(rows["project"].tolist())}
    assert rows["texts"].tolist() == [owner.tolist().count(project) for project in of]
    for number, (text, project) in enumerate(given_texts):
        place = of[project]
        assert rows["first"][place] <= number + 7 <= rows["last"][place]
        needles = {text[at : at + 2] for at in range(len(text))}
        assert all(needle in rows["held"][place] for needle in needles if told(needle))
    assert sum("~}" in held for held in rows["held"]) <= sum("~}" in text for text, _ in given_texts)
