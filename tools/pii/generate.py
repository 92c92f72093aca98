"""Sentences with names of people, places and firms in them, and where these stand: what the tagger is trained on.

The sentences are in `templates`; what fills them comes from `lists.py` and from the makers of addresses, firms and
numbers below. Nothing comes from the data that the tagger is judged by.
"""

import re
from pathlib import Path

from figures import Figures, unaccented
from lists import Lists
from words import BULLETS, NAME_WORDS, SCIENCES, TRADES

Span = tuple[int, int, str]
_CHOICE = re.compile(r"\{([^{}]*)\}")
_PLAIN = re.compile(r"(?<![\w\x02'{-])[a-z]{3,}(?![\w\x03'-])")
_SLOT = re.compile(r"\x02([A-Z]+)\x03")
LABELS = {
    "PERSON": "PERSON",
    "FIRST": "PERSON",
    "LOWER": "PERSON",
    "LAST": "PERSON",
    "ADDRESS": "STREET_ADDRESS",
    "STREET": "STREET_ADDRESS",
    "STREETNAME": "STREET_ADDRESS",
    "CITY": "GPE",
    "COUNTRY": "GPE",
    "STATE": "GPE",
    "GPE": "GPE",
    "ORG": "ORGANIZATION",
    "JOB": "TITLE",
    "PREFIX": "TITLE",
    "NRP": "NRP",
    "DATE": "DATE_TIME",
    "YEAR": "DATE_TIME",
    "WEEKDAY": "DATE_TIME",
    "AGE": "AGE",
    "PHONE": "PHONE_NUMBER",
    "ZIP": "ZIP_CODE",
    "LICENSE": "US_DRIVER_LICENSE",
}


class Generator(Figures):
    """Endless labelled texts from one seed."""

    def __init__(self, lists: Lists, templates: Path, seed: int) -> None:
        super().__init__(lists, seed)
        lines = [line for path in sorted(templates.glob("*.txt")) for line in path.read_text().splitlines()]
        self.templates = [line.replace("\\n", "\n") for line in lines if line and not line.startswith("#")]

    def text(self) -> tuple[str, list[Span]]:
        pieces = [self.random.choice(self.templates) for _ in range(self.random.choice((1, 1, 1, 1, 2, 2, 3)))]
        text = self.random.choice((" ", " ", "\n")).join(map(self._chosen, pieces))
        text = text.replace("⟨", "{").replace("⟩", "}")
        if self.random.random() < 0.5:
            share = self.random.choice((0.15, 0.3, 0.6))
            text = _PLAIN.sub(lambda match: self._word() if self.random.random() < share else match[0], text)
        out: list[str] = []
        spans: list[Span] = []
        at = length = 0
        bullet = self.random.choice(BULLETS)
        for slot in _SLOT.finditer(text):
            before = text[at : slot.start()]
            value = bullet if slot[1] == "BULLET" else getattr(self, slot[1].lower())()
            out += [before, value]
            length += len(before)
            if slot[1] in LABELS:
                spans.append((length, length + len(value), LABELS[slot[1]]))
            length += len(value)
            at = slot.end()
        out.append(text[at:])
        return self._noisy("".join(out), spans)

    def _word(self) -> str:
        return self.random.choices(self.lists.common[:9000], self.weights)[0]

    def lower(self) -> str:
        """A first name, as it is written in haste."""
        first = self.first()
        return first.lower() if len(first.lower()) == len(first) else first

    def fill(self) -> str:
        """Some ordinary words, which are nothing."""
        count = self.random.choice((1, 2, 3, 4, 5, 6, 8, 10, 14))
        common = self.random.choices(self.lists.common[:9000], self.weights, k=count)
        rare = [self.random.choice(self.lists.common[:24000]) for _ in range(count)]
        words = [one if self.random.random() < 0.6 else other for one, other in zip(common, rare, strict=True)]
        for at in range(len(words)):
            chance = self.random.random()
            if chance < 0.03:
                words[at] = words[at].title()
            elif chance < 0.05:
                words[at] = str(self.random.randint(0, 500))
            elif chance < 0.07:
                words[at] += self.random.choice((",", ";", ":", "'s", "..."))
        text = " ".join(words)
        return text[:1].upper() + text[1:] if self.random.random() < 0.4 else text

    def nameword(self) -> str:
        return self.random.choice(NAME_WORDS)

    def science(self) -> str:
        return self.random.choice(SCIENCES)

    def trade(self) -> str:
        return self.random.choice(TRADES)

    def titled(self) -> str:
        """Ordinary words that begin with capitals, and are nothing all the same."""
        return " ".join(self._plain_name() for _ in range(self.random.choice((1, 2, 2, 3, 3))))

    def product(self) -> str:
        """Of what is made and used; nobody's name."""
        name = self.random.choice((self._coined, self._coined, self._plain_name))()
        chance = self.random.random()
        if chance < 0.1:
            return f"{self.random.choice('ie')}{name}"
        if chance < 0.2:
            return f"{name} {self._plain_name()}"
        if chance < 0.4:
            return f"{name} {self.random.randint(1, 99)}"
        return f"{name} {self.random.choice('ASXZ')}{self.random.randint(1, 99)}" if chance < 0.5 else name

    def acronym(self) -> str:
        return "".join(
            self.random.choice("ABCDEFGHIKLMNOPRSTUVWX") for _ in range(self.random.choice((2, 3, 3, 4, 4, 5)))
        )

    def eponym(self) -> str:
        """One after whom something is named."""
        name = self.random.choice((self.last, self.last, self.first))()
        return name + self.random.choice(("ian", "an")) if self.random.random() < 0.25 else name

    def _chosen(self, template: str) -> str:
        """Slots marked, and of each list of words one."""
        text = template
        while True:
            match = _CHOICE.search(text)
            if match is None:
                return text
            inner = match[1]
            chosen = (
                f"\x02{inner}\x03"
                if inner.isupper() and inner.isalpha() and len(inner) > 1 and inner in SLOTS
                else None
            )
            if chosen is None:
                chosen = self.random.choice(inner.split("|"))
            text = text[: match.start()] + chosen + text[match.end() :]

    def _noisy(self, text: str, spans: list[Span]) -> tuple[str, list[Span]]:
        chance = self.random.random()
        if chance < 0.035 and len(text.lower()) == len(text):
            return text.lower(), spans
        if chance < 0.05 and len(text.upper()) == len(text):
            return text.upper(), spans
        if chance < 0.12:
            plain = "".join(unaccented(char) for char in text)
            return (plain, spans) if len(plain) == len(text) else (text, spans)
        if chance < 0.20 and text and text[-1] in ".!?":
            kept = [span for span in spans if span[1] < len(text)]
            return (text[:-1], spans) if len(kept) == len(spans) else (text, spans)
        if chance < 0.23:
            return text[:1].lower() + text[1:], spans
        return text, spans


SLOTS = {*LABELS, "NUM", "UUID", "FILL", "TITLED", "BULLET", "EMAIL", "URL", "CARD", "IBAN", "SSN", "IP", "PASSPORT"}
SLOTS |= {"EPONYM", "SCIENCE", "PRODUCT", "NAMEWORD", "TRADE", "ACRONYM"}


if __name__ == "__main__":
    from lists import gather

    made = Generator(gather(), Path(__file__).parent / "templates", 1)
    for _ in range(40):
        text, spans = made.text()
        print(repr(text), [(text[a:b], label) for a, b, label in spans])
