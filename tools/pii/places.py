"""Names of places, streets, and addresses of many countries."""

from people import People
from words import BEFORE_STREETS, LOCAL_STREETS, STREETS

# as they are mostly called, where lists are more formal
SPOKEN = """USA;US;UK;U.S.;the US;UAE;America;England;Scotland;Wales;Holland;Great Britain;Russia;South Korea;Vietnam"""


class Places(People):
    def city(self) -> str:
        chance = self.random.random()
        if chance < 0.12:
            city = self._coined_place()
        else:
            city = self.random.choice(self.lists.big_cities if chance < 0.3 else self.lists.cities)
        return city.upper() if self.random.random() < 0.3 and len(city.upper()) == len(city) else city

    def _coined_place(self) -> str:
        stem = self.last()
        heads = (
            "New",
            "Port",
            "East",
            "West",
            "North",
            "South",
            "Lake",
            "Saint",
            "St.",
            "Bad",
            "San",
            "Santa",
            "Mount",
            "Fort",
        )
        tails = (
            "ville",
            "ton",
            "burg",
            "berg",
            "dorf",
            "stad",
            "by",
            "borough",
            "mouth",
            "side",
            "field",
            "haven",
            "furt",
            "au",
        )
        form = self.random.random()
        if form < 0.35:
            return f"{self.random.choice(heads)} {stem}"
        if form < 0.75:
            return stem.split()[0] + self.random.choice(tails)
        after = ("Village", "City", "Beach", "Heights", "Springs", "Hill", "Creek", "Falls", "Bay")
        return f"{stem} {self.random.choice(after)}"

    def country(self) -> str:
        if self.random.random() < 0.2:
            return self.random.choice(SPOKEN.split(";"))
        country = self.random.choice(self.lists.countries)
        return country.upper() if self.random.random() < 0.04 else country

    def state(self) -> str:
        return self.random.choice(self.lists.states)

    def gpe(self) -> str:
        chance = self.random.random()
        return self.city() if chance < 0.55 else self.country() if chance < 0.92 else self.state()

    def streetname(self) -> str:
        form = self.random.random()
        stem = (
            self.random.choice((self.last, self.last, self.first, self.city, self._plain_name))().strip().split("-")[0]
        )
        if form < 0.4:
            return f"{stem} {self.random.choice(STREETS)}"
        if form < 0.47:
            turn = self.random.choice(("North", "South", "E", "W", "N.", "East"))
            return f"{turn} {stem} {self.random.choice(STREETS)}"
        if form < 0.65:
            return f"{stem.split()[0]}{self.random.choice(LOCAL_STREETS)}"
        if form < 0.73:
            return f"{stem} {self.random.choice(LOCAL_STREETS)}"
        if form < 0.92:
            return f"{self.random.choice(BEFORE_STREETS)} {stem}"
        return stem

    def _number(self) -> str:
        digits = self.random.choice((1, 2, 2, 3, 3, 4, 5))
        number = "".join(self.random.choice("0123456789") for _ in range(digits))
        return number + (self.random.choice("abcAB") if self.random.random() < 0.05 else "")

    def street(self) -> str:
        form, name = self.random.random(), self.streetname()
        if form < 0.45:
            return f"{self._number()} {name}"
        if form < 0.75:
            return f"{name} {self._number()}"
        if form < 0.82:
            return f"{name}, {self._number()}"
        if form < 0.90:  # numbers at both ends, as forms that add one come out
            return f"{self._number()} {name} {self._number()}"
        return f"{self._number()} {self._number()} {name}"

    def _unit(self) -> str:
        kind = self.random.choice(
            ("Apt.", "Suite", "Apt", "Unit", "#", "Flat", "Floor", "Ste.", "Apartment", "Building", "Room")
        )
        return f"{kind}{'' if kind == '#' else ' '}{self._number()}"

    def zip(self) -> str:
        form, digit = self.random.random(), lambda n: "".join(self.random.choice("0123456789") for _ in range(n))
        if form < 0.6:
            return digit(5)
        if form < 0.7:
            return f"{digit(5)}-{digit(4)}"
        if form < 0.78:
            return digit(4)
        if form < 0.81:
            return digit(6)
        if form < 0.83:
            return f"{digit(3)} {digit(2)}"
        if form < 0.86:
            return f"{digit(4)} {self._initials()}"
        letters = [self.random.choice("ABCEGHJKLMNPRSTVWXY") for _ in range(4)]
        if form < 0.93:
            return f"{letters[0]}{letters[1]}{digit(1)} {digit(1)}{letters[2]}{letters[3]}"
        return f"{letters[0]}{digit(1)}{letters[1]} {digit(1)}{letters[2]}{digit(1)}"

    def address(self) -> str:
        chance = self.random.random()
        if chance < 0.05:
            return self._military()
        if chance < 0.13:
            return self.street()
        if chance < 0.22:  # a crossing
            ends = (
                self.random.choice((self.street, self.streetname, self.last, self.first)),
                self.random.choice((self.street, self.streetname)),
            )
            return f"{self.random.choice(('the corner of ', '', '', 'corner of '))}{ends[0]()} and {ends[1]()}"
        lines = [self.street()]
        sep = self.random.choice((", ", "\n", " ", "\n ", ",\n"))
        if self.random.random() < 0.45:
            if self.random.random() < 0.5:
                lines[0] += f"{self.random.choice((' ', ', '))}{self._unit()}"
            else:
                lines.append(self._unit())
        state = self.random.choice((self.state(), self._initials(), self._initials(), "nan", ""))
        place = self.random.choice((
            f"{self.city()}, {state} {self.zip()}", f"{self.city()}, {state}\n {self.country()} {self.zip()}",
            f"{self.zip()} {self.city()}", f"{self.city()} {self.zip()}", self.city(),
            f"{self.city()}\n {self.country()} {self.zip()}", f"{self.city()}{sep}{self.country()}",
            f"{self.city()}\n, {state}\n {self.country()} {self.zip()}",
            f"{self.zip()} {self.city()}{sep}{self.country()}",
        ))  # fmt: skip
        lines.append(place)
        if self.random.random() < 0.06:
            lines.insert(0, f"{self.random.choice(('P.O. Box', 'PO Box', 'Postfach', 'c/o'))} {self._number()}")
        return sep.join(lines)

    def _initials(self) -> str:
        return "".join(self.random.choice("ABCDEFGHIKLMNOPQRSTVWY") for _ in range(2))

    def _military(self) -> str:
        a, b, c = (self.random.randint(100, 9999) for _ in range(3))
        kind = self.random.choice(
            (f"USS {self.last()}", f"USNV {self.last()}", f"PSC {a}, Box {b}", f"Unit {a} Box {b}", f"CMR {a}, Box {b}")
        )
        return f"{kind}\n{self.random.choice(('APO', 'FPO', 'DPO'))} {self.random.choice(('AA', 'AE', 'AP'))} {c:05}"
