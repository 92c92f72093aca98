"""Names of firms: of families, of plain words, coined."""

from places import Places
from words import FIRM_WORDS, KNOWN_FIRMS, ROOTS, TAILS


class Firms(Places):
    def org(self) -> str:
        form, pick = self.random.random(), self.random.choice
        if form < 0.06:
            return pick(KNOWN_FIRMS)
        if form < 0.14:
            return f"{self.last()}-{self.last()}"
        if form < 0.21:
            return f"{self.last()}, {self.last()} {pick(('and', '&'))} {self.last()}"
        if form < 0.27:
            return f"{self.last()} {pick(('and', '&'))} {pick((self.last(), 'Sons', 'Co', 'Partners', 'Associates'))}"
        if form < 0.34:
            usual = ("Inc", "LLC", "Ltd", "PLC", "Group", "GmbH", "Inc.", "Corp")
            return f"{self.last()} {pick([*self.lists.firm_suffixes, *usual])}"
        if form < 0.44:
            return f"{pick((self.last, self._plain_name, self._coined, self.city))()} {pick(FIRM_WORDS)}"
        if form < 0.50:
            return f"{self._plain_name()} {self._plain_name()} {pick(FIRM_WORDS)}"
        if form < 0.57:
            return f"{self._plain_name()} {pick((self._plain_name(), self._coined()))}"
        if form < 0.62:
            ending = pick(
                ("Inc", "Inc.", "LLC", "Ltd", "Corporation", "Company", "Co.", "AG", "S.A.", "plc", "Limited")
            )
            return f"{self._coined()}{pick((' ', ', '))}{ending}"
        if form < 0.67:
            return "".join(pick("ABCDEFGHIJKLMNOPRSTUVW") for _ in range(pick((2, 3, 3, 4))))
        if form < 0.71:
            kind = pick(("University of", "Bank of", "Institute of", "Museum of", "Ministry of", "Church of"))
            return f"{kind} {self.city().title()}"
        if form < 0.74:
            return f"{self._coined()}.{pick(('com', 'io', 'org', 'ai', 'gov'))}"
        if form < 0.77:
            return f"The {self._plain_name()} {pick(FIRM_WORDS)}"
        return self._coined()

    def _coined(self) -> str:
        pick, form = self.random.choice, self.random.random()
        a, b = pick(ROOTS), pick(ROOTS)
        if form < 0.3:
            return a.title() + b
        if form < 0.5:
            return a.title() + b.title()
        if form < 0.7:
            return (a + pick(TAILS)).title()
        if form < 0.78:
            return f"{a.title()} {b.title()}"
        if form < 0.84:
            return f"{pick('ei')}{a.title()}"
        if form < 0.93:
            return self._plain_name() + pick((b, b.title(), ""))
        return (a + b + pick(TAILS)).title()
