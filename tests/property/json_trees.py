"""JSON that looks like a request, an answer or an event of some protocol: its own names, values of every sort."""

import copy
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
)


def trees(names: Sequence[str], words: Sequence[str]) -> st.SearchStrategy[Any]:
    """Values made of `names` as members and `words` as texts, and of anything else."""
    name = st.one_of(st.sampled_from(names), st.text(max_size=4))
    leaf = st.one_of(st.sampled_from(words), PLAIN)
    return st.recursive(
        leaf,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(name, inner, max_size=6)),
        max_leaves=25,
    )


def objects(names: Sequence[str], words: Sequence[str], **fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of such values; `fixed` members are there in most of them."""
    some = st.dictionaries(st.sampled_from(names), trees(names, words), max_size=8)
    return st.one_of(some, some.map(lambda tree: {**fixed, **tree}), some.map(lambda tree: {**tree, **fixed}))


ODD = st.one_of(PLAIN, st.just([]), st.just({}), st.just([[]]), st.just([{}]), st.just({"type": []}))


@st.composite
def spoiled(draw: st.DrawFn, trees: st.SearchStrategy[Any]) -> Any:
    """One of `trees` with one of its values, at any depth, replaced by another or taken out."""
    tree = copy.deepcopy(draw(trees))
    places: list[tuple[Any, Any]] = []
    nodes = [tree]
    for node in nodes:
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        places += [(node, key) for key in keys]
        nodes += [node[key] for key in keys]
    node, key = draw(st.sampled_from(places))
    if draw(st.booleans()):
        node[key] = draw(ODD)
    elif isinstance(node, dict):
        del node[key]
    return tree


def splits(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The same bytes in pieces."""
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
