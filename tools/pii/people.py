"""Names of people, their trades and peoples."""

import random
import re

from lists import Lists
from words import NRPS, PREFIXES, TRADES


class People:
    """Each method answers one filling."""

    def __init__(self, lists: Lists, seed: int) -> None:
        self.lists = lists
        self.random = random.Random(seed)
        self.locales = sorted(lists.first)
        west = re.compile(
            r"^(en|de|fr|es|it|nl|sv|no|dk|da|fi|hu|cs|sk|pl|pt|sl|hr|ro|is|et|lt|lv|tr|ga|ja|zh|vi|ar|ig|zu)"
        )
        self.likely = [locale for locale in self.locales if west.match(locale)]
        self.weights = [1 / (rank + 20) for rank in range(9000)]
        self.plain = [word for word in lists.common[:9000] if len(word) > 3]

    def _locale(self) -> str:
        return self.random.choice(self.likely if self.random.random() < 0.9 else self.locales)

    def first(self) -> str:
        return self.random.choice(self.lists.first[self._locale()]).strip()

    def last(self) -> str:
        return self.random.choice(self.lists.last[self._locale()]).strip()

    def person(self) -> str:
        locale = self._locale()
        first, last = self.random.choice(self.lists.first[locale]), self.random.choice(self.lists.last[locale])
        form = self.random.random()
        if form < 0.22:
            return f"{first} {self.random.choice('ABCDEFGHIJKLMNOPRSTVWZ')}{self.random.choice(('.', '.', ''))} {last}"
        if form < 0.27:
            return f"{first} {last}-{self.random.choice(self.lists.last[locale])}"
        if form < 0.32:
            return f"{first} {self.random.choice(self.lists.first[locale])} {last}"
        if form < 0.35:
            return f"{first} {last} {self.random.choice(self.lists.last[locale])}"
        if form < 0.37:
            return f"{first[0]}. {last}"
        if form < 0.40:
            particle = self.random.choice(("van", "de", "von", "da", "del", "di", "al", "bin", "O’", "van der"))
            return f"{first} {particle} {last}"
        if form < 0.42:
            return f"{last} {first}"
        if form < 0.44:
            return f"{first[0]}.{self.random.choice((' ', ''))}{self.random.choice('ABCDEFGHJKLMNPRST')}. {last}"
        if form < 0.45 and len(f"{first} {last}".upper()) == len(f"{first} {last}"):
            return f"{first} {last}".upper()
        return f"{first} {last}"

    def prefix(self) -> str:
        return self.random.choice(PREFIXES)

    def job(self) -> str:
        form = self.random.random()
        if self.random.random() < 0.4:
            words = [self.random.choice(self.plain) for _ in range(self.random.choice((1, 1, 2, 2, 3)))]
            joined = (
                " ".join(words)
                if form < 0.6 or len(words) < 2
                else f"{', '.join(words[:-1])}{',' * (len(words) > 2)} and {words[-1]}"
            )
            job = f"{joined} {self.random.choice(TRADES)}"
            job = job[:1].upper() + job[1:]
        else:
            job = self.random.choice(self.lists.jobs)
        if ", " in job and form < 0.8:
            kind, of = job.split(", ", 1)
            job = f"{of} {kind.lower()}" if form < 0.6 else kind
            job = job[:1].upper() + job[1:]
        if form < 0.35:
            return job.lower()
        if form < 0.45:
            return job.title()
        return job

    def nrp(self) -> str:
        nrp = self.random.choice(NRPS)
        if self.random.random() < 0.15:  # one that no list has
            nrp = self.last().split()[0][:6].title() + self.random.choice(("ian", "an", "ese", "ish", "i", "ean", "er"))
        return nrp.lower() if self.random.random() < 0.2 else nrp

    def age(self) -> str:
        return str(self.random.randint(1, 99))

    def _plain_name(self) -> str:
        return self.random.choice(self.plain).title()
