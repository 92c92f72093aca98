"""A block that holds a needle is never passed over, however long its texts are and wherever the needle lies."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from triops.adapters.embedded.grams import COLUMNS, asked, signed

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
