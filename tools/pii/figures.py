"""Dates, numbers of telephones, cards and offices, and numbers that are nobody's."""

import re
import unicodedata

from firms import Firms
from words import MONTHS, ROOTS, WEEKDAYS


class Figures(Firms):
    def year(self) -> str:
        return str(self.random.randint(1900, 2030))

    def weekday(self) -> str:
        return self.random.choice(WEEKDAYS)

    def date(self) -> str:
        pick = self.random.choice
        d, m, y = self.random.randint(1, 28), self.random.randint(1, 12), self.random.randint(1920, 2030)
        time = (
            f" {self.random.randint(0, 23):02}:{self.random.randint(0, 59):02}{pick(('', ':07'))}"
            if self.random.random() < 0.1
            else ""
        )
        return pick((
            f"{y}-{m:02}-{d:02}{time}", f"{m}/{d}/{y}{time}", f"{d}/{m}/{y}", f"{d:02}.{m:02}.{y}",
            f"{MONTHS[m - 1]} {d}, {y}", f"{d} {MONTHS[m - 1]} {y}", f"{MONTHS[m - 1]} {y}", f"{MONTHS[m - 1]} {d}",
            f"{d}-{MONTHS[m - 1][:3]}-{y}", str(y), f"{d} {MONTHS[m - 1]}", f"{m}/{d}/{y % 100:02}", pick(WEEKDAYS),
        ))  # fmt: skip

    def phone(self) -> str:
        shape = self.random.choice((
            "###-###-####", "(###) ###-####", "### ### ####", "###.###.####", "+1 ### ### ####", "+## ## ### ## ##",
            "0## ### ## ##", "0#### ######", "## ## ## ##", "##-##-##-##", "0### ## ## ##", "(##) #### ####",
            "(0#) #### ####", "### ## ###", "0## ### ####", "+##-###-#######", "###-####", "1-###-###-####x###",
            "0## ## ## ## ##", "##########", "(###)###-####", "+###########", "#### ####", "0##-### ## ##",
            "###-### ## ##", "(###)## ##-##", "###.###.####x##", "0#-########", "## ### ####", "0##/#######",
            "#### ## ## ##",
        ))  # fmt: skip
        return "".join(self.random.choice("123456789") if char == "#" else char for char in shape)

    def license(self) -> str:
        shape = self.random.choice(
            (
                "A#######",
                "########",
                "#######",
                "A##-##-####",
                "####-##-####",
                "A####-#####-#####",
                "##AAA####",
                "A#####",
            )
        )
        return "".join(
            self.random.choice("123456789") if c == "#" else self.random.choice("ABCDEFGHJKLM") if c == "A" else c
            for c in shape
        )

    def num(self) -> str:
        """A number that is nothing of anyone's."""
        shape = self.random.choice((
            "#", "##", "###", "####", "#####", "######", "#######", "########", "#########", "##########",
            "############", "#.#", "#.##", "##.##", "#,###", "##,###", "#,###,###", "0.####", "-##", "#e-#",
            "0x####", "##%", "$##.##", "€####", "#### #### #### ####", "####-####-####", "###-##-####", "##-####",
            "####/##", "A-####", "AA#####", "A##-###-##", "#.#.##", "##:##", "##:##:##", "#####-##", "AA-####-AA",
            "#### ####", "1#######", "##########.####", "#x#", "AA#A#A", "A#A#A#", "#A##AA", "##h", "###px",
        ))  # fmt: skip
        return "".join(
            self.random.choice("0123456789") if c == "#" else self.random.choice("ABCDEFGHJKLM") if c == "A" else c
            for c in shape
        )

    def uuid(self) -> str:
        made = f"{self.random.getrandbits(128):032x}"
        return self.random.choice(
            (f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:]}", made, made[:7], made[:12])
        )

    def passport(self) -> str:
        return self.random.choice("ABCX") + str(self.random.randint(1000000, 99999999))

    def email(self) -> str:
        name = _letters(self.first())
        domain = f"{self.random.choice(ROOTS)}.{self.random.choice(('com', 'org', 'de'))}"
        return f"{name}{self.random.choice(('.', '', '_'))}{_letters(self.last())}@{domain}"

    def url(self) -> str:
        return f"{self.random.choice(('https://www.', 'http://', 'www.', 'https://'))}{self.random.choice(ROOTS)}{self.random.choice(ROOTS)}.com/"

    def card(self) -> str:
        digits = [4, *(self.random.randint(0, 9) for _ in range(14))]
        doubled = [digit * 2 - 9 * (digit > 4) if n % 2 == 0 else digit for n, digit in enumerate(digits)]
        return "".join(map(str, [*digits, -sum(doubled) % 10]))

    def iban(self) -> str:
        account = "".join(self.random.choice("0123456789") for _ in range(18))
        return f"DE{98 - int(account + '131400') % 97:02}{account}"

    def ssn(self) -> str:
        return f"{self.random.randint(100, 665)}-{self.random.randint(10, 99)}-{self.random.randint(1000, 9999)}"

    def ip(self) -> str:
        return ".".join(str(self.random.randint(1, 254)) for _ in range(4))


def _letters(name: str) -> str:
    return re.sub(r"[^A-Za-z]", "", "".join(unaccented(char) for char in name)) or "x"


def unaccented(char: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
    return plain or char
