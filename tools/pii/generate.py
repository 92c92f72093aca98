"""Sentences with names of people, places and firms in them, and where these stand: what the tagger is trained on.

The sentences are `templates.txt`; what fills them comes from `lists.py` and from the makers of addresses, firms and
numbers below. Nothing comes from the data that the tagger is judged by.
"""

import random
import re
import unicodedata
from pathlib import Path

from lists import Lists

Span = tuple[int, int, str]
_CHOICE = re.compile(r"\{([^{}]*)\}")
_PLAIN = re.compile(r"(?<![\w\x02'{-])[a-z]{3,}(?![\w\x03'-])")
_SLOT = re.compile(r"\x02([A-Z]+)\x03")
LABELS = {
    **{"PERSON": "PERSON", "FIRST": "PERSON", "LAST": "PERSON", "ADDRESS": "STREET_ADDRESS", "STREET": "STREET_ADDRESS"},
    **{"STREETNAME": "STREET_ADDRESS", "CITY": "GPE", "COUNTRY": "GPE", "STATE": "GPE", "GPE": "GPE", "ORG": "ORGANIZATION"},
    **{"JOB": "TITLE", "PREFIX": "TITLE", "NRP": "NRP", "DATE": "DATE_TIME", "YEAR": "DATE_TIME", "WEEKDAY": "DATE_TIME"},
    **{"AGE": "AGE", "PHONE": "PHONE_NUMBER", "ZIP": "ZIP_CODE", "LICENSE": "US_DRIVER_LICENSE"},
}
NRPS = """American British English Scottish Welsh Irish French German Dutch Belgian Swiss Austrian Italian Spanish Portuguese
Greek Turkish Russian Ukrainian Polish Czech Slovak Hungarian Romanian Bulgarian Serbian Croatian Slovenian Bosnian Albanian
Macedonian Estonian Latvian Lithuanian Finnish Swedish Norwegian Danish Icelandic Canadian Mexican Cuban Jamaican Haitian
Brazilian Argentinian Argentine Chilean Peruvian Bolivian Colombian Venezuelan Ecuadorian Uruguayan Paraguayan Guatemalan
Honduran Nicaraguan Panamanian Egyptian Moroccan Algerian Tunisian Libyan Sudanese Ethiopian Kenyan Ugandan Tanzanian Nigerian
Ghanaian Senegalese Ivorian Cameroonian Congolese Angolan Zambian Zimbabwean Namibian Somali Rwandan Malian Israeli Palestinian
Lebanese Syrian Jordanian Iraqi Iranian Persian Kurdish Saudi Yemeni Omani Emirati Qatari Kuwaiti Afghan Pakistani Indian
Bangladeshi Nepalese Nepali Bhutanese Tibetan Chinese Taiwanese Japanese Korean Mongolian Vietnamese Thai Laotian Cambodian
Burmese Malaysian Malay Singaporean Indonesian Filipino Australian Maori Fijian Samoan Tongan Kazakh Uzbek Georgian Armenian
Azerbaijani Maltese Cypriot Barbadian Bahamian Trinidadian Dominican Salvadoran Arab Arabic Asian European African Latino
Latina Hispanic Caucasian Scandinavian Slavic Jewish Muslim Christian Catholic Protestant Buddhist Hindu Sikh Mormon Orthodox
Lutheran Baptist Methodist Evangelical Republican Democrat Liberal Conservative Socialist Communist Bruneian Chechen Tatar
Catalan Basque Breton Cornish Flemish Walloon Bavarian Sicilian Sardinian Corsican Moldovan Belarusian Montenegrin Kosovar
Turkmen Kyrgyz Tajik Uyghur Sinhalese Tamil Punjabi Bengali Gujarati Maldivian Omani Bahraini Berber Zulu Xhosa Hausa Yoruba
Igbo Gambian Guinean Liberian Togolese Beninese Burkinabe Chadian Gabonese Eritrean Djiboutian Burundian Malawian Mozambican
Botswanan Basotho Swazi Malagasy Mauritian Seychellois Comorian Papuan Tuvaluan Palauan Nauruan Greenlandic Faroese Belizean
Costa-Rican Surinamese Guyanese Grenadian Antiguan Aruban Puerto-Rican Quaker Amish Shia Sunni Ismaili Bahai Jain Shinto
Taoist Atheist Agnostic Anglican Presbyterian Pentecostal Adventist Calvinist Zionist Marxist Labour Tory""".split()
PREFIXES = ["Mr.", "Mrs.", "Ms.", "Miss", "Dr.", "Prof.", "Mr", "Mrs", "Ms", "Dr", "Sir", "Lady", "Madam", "Professor", "Herr"]
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
STREETS = "Street St St. Avenue Ave Ave. Road Rd Rd. Lane Ln Drive Dr Dr. Boulevard Blvd Way Court Ct Place Pl Square".split()
STREETS += "Terrace Close Crescent Parade Highway Hwy Parkway Trail Circle Alley Row Walk Mews Gardens Loop Run".split()
LOCAL_STREETS = """straße strasse str. weg gasse platz allee gatan vägen gata vei veien gade vej katu tie utca u. út laan straat
weg plein ulica ulice tänav iela gatvė brekka stræti""".split()
BEFORE_STREETS = """Rue|Avenue|Boulevard|Via|Viale|Piazza|Calle|C/|Avenida|Av.|Rua|Travessa|Plaza|Carrera|ul.|ulica|Rua da|Rue de la|
Rue du|Chemin de|Paseo|Camino|Strada|Corso|Largo|Praça|Jalan|Ul.|Al.|Place de|Rue des|Cours|Quai|Via dei|Vicolo|Esplanada|
Bulevar|Trg|Nábřeží|Calçada|Ronda|Urb.""".replace("\n", "").split("|")
# What trades are named by, after what they work on
TRADES = """worker operator technician manager specialist clerk assistant attendant driver installer cleaner repairer inspector
engineer analyst supervisor director coordinator consultant officer agent teacher instructor nurse therapist designer developer
administrator representative advisor planner maker setter tender helper guard examiner mechanic cutter builder fitter painter
librarian counselor trainer buyer seller writer editor scientist researcher surveyor handler loader baker cook cashier""".split()
BULLETS = ("-", "*", "•", ">", "|", "--", "??", "???", "1.", "#", "o", "+", "...", "=>")
# Firms that everybody knows, so that some are names and no patterns
KNOWN_FIRMS = """Google Amazon Microsoft Apple IBM Intel Oracle SAP Siemens Bosch BMW Volkswagen Toyota Honda Sony Samsung LG Nokia
Ericsson Philips Shell BP Exxon Total Nestlé Unilever Danone Pfizer Novartis Bayer Roche Adidas Nike Puma IKEA H&M Zara Walmart
Tesco Carrefour Aldi Lidl FedEx UPS DHL Visa Mastercard PayPal Stripe Netflix Spotify Uber Airbnb Facebook Twitter LinkedIn
Salesforce Adobe Cisco Dell HP Xerox Boeing Airbus Lufthansa Ryanair KLM Emirates Barclays HSBC Citibank Santander UBS Allianz AXA
Zurich Accenture Deloitte KPMG Gartner McKinsey NASA UNESCO UNICEF WHO Greenpeace Reuters BBC CNN Bloomberg""".split()
FIRM_WORDS = """Systems Solutions Group Partners Holdings Industries Technologies Labs Media Studios Consulting Bank Capital Insurance
Financial Health Foods Motors Airlines Energy Software Networks Design Logistics Foundation Institute University College School
Hospital Council Association Society Trust Services International Analytics Data Research Investments Ventures Records Press
Pharma Electric Telecom Realty Properties Brothers Associates Works Interactive Digital Global Credit Mutual Savings Journal
Express Mart Market Store Outlet Clinic Theatre Orchestra Museum Library Union Federation Authority Agency Ministry""".split()
ROOTS = """health med care data cloud net web info smart quick fast bright blue red green open free true clear core logic
lend loan credit fund cap coin bank pay tax home house rent estate land farm food agri eco solar wind energy power bio gen life
pharma nano quant metric scope vision view sight spark flux wave pulse link bridge port gate way path map geo terra aqua star sky
moon sun nova zen vita pro max prime alpha omni uni pan inter trans meta hyper micro macro tele digi cyber robo auto drive car
trip travel job work hire talent team crowd social chat talk voice word book read learn edu class teach kid pet play game sport
fit run bike climate weather fish wood stone iron steel gold silver pocket basket wagon rocket engine lab forge factory hub spot
zone point base field yard law legal law safe secure lock guard shield trust verify audit check scan track trace spy seek find
search query answer think mind brain idea""".split()
TAILS = "ly ify io ia ix ex on us is er a o ster able soft tech ware dot scape ology istic eon ent ora ium elo exa ion".split()


class Generator:
    """Endless labelled texts from one seed."""

    def __init__(self, lists: Lists, templates: Path, seed: int) -> None:
        self.lists = lists
        self.random = random.Random(seed)
        self.locales = sorted(lists.first)
        west = re.compile(r"^(en|de|fr|es|it|nl|sv|no|dk|da|fi|hu|cs|sk|pl|pt|sl|hr|ro|is|et|lt|lv|tr|ga|ja|zh|vi|ar|ig|zu)")
        self.likely = [locale for locale in self.locales if west.match(locale)]
        lines = templates.read_text().splitlines()
        self.templates = [line.replace("\\n", "\n") for line in lines if line and not line.startswith("#")]
        self.weights = [1 / (rank + 20) for rank in range(9000)]
        self.plain = [word for word in lists.common[:9000] if len(word) > 3]

    def text(self) -> tuple[str, list[Span]]:
        pieces = [self.random.choice(self.templates) for _ in range(self.random.choice((1, 1, 1, 1, 2, 2, 3)))]
        text = self.random.choice((" ", " ", "\n")).join(map(self._chosen, pieces))
        if self.random.random() < 0.3:
            text = _PLAIN.sub(lambda match: self._word() if self.random.random() < 0.25 else match[0], text)
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

    def titled(self) -> str:
        """Ordinary words that begin with capitals, and are nothing all the same."""
        return " ".join(self._plain_name() for _ in range(self.random.choice((1, 2, 2, 3, 3))))

    def _chosen(self, template: str) -> str:
        """Slots marked, and of each list of words one."""
        text = template
        while True:
            match = _CHOICE.search(text)
            if match is None:
                return text
            inner = match[1]
            chosen = f"\x02{inner}\x03" if inner.isupper() and inner.isalpha() and len(inner) > 1 and inner in SLOTS else None
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
            plain = "".join(_unaccented(char) for char in text)
            return (plain, spans) if len(plain) == len(text) else (text, spans)
        if chance < 0.20 and text and text[-1] in ".!?":
            kept = [span for span in spans if span[1] < len(text)]
            return (text[:-1], spans) if len(kept) == len(spans) else (text, spans)
        if chance < 0.23:
            return text[:1].lower() + text[1:], spans
        return text, spans

    # people
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
            return f"{first} {self.random.choice(('van', 'de', 'von', 'da', 'del', 'di', 'al', 'bin', 'O’', 'van der'))} {last}"
        if form < 0.42:
            return f"{last} {first}"
        return f"{first} {last}"

    def prefix(self) -> str:
        return self.random.choice(PREFIXES)

    def job(self) -> str:
        form = self.random.random()
        if self.random.random() < 0.4:
            words = [self.random.choice(self.plain) for _ in range(self.random.choice((1, 1, 2, 2, 3)))]
            joined = " ".join(words) if form < 0.6 or len(words) < 2 else f"{', '.join(words[:-1])}{',' * (len(words) > 2)} and {words[-1]}"
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

    # places
    def city(self) -> str:
        chance = self.random.random()
        if chance < 0.12:
            city = self._coined_place()
        else:
            city = self.random.choice(self.lists.big_cities if chance < 0.3 else self.lists.cities)
        return city.upper() if self.random.random() < 0.3 and len(city.upper()) == len(city) else city

    def _coined_place(self) -> str:
        stem = self.last()
        heads = ("New", "Port", "East", "West", "North", "South", "Lake", "Saint", "St.", "Bad", "San", "Santa", "Mount", "Fort")
        tails = ("ville", "ton", "burg", "berg", "dorf", "stad", "by", "borough", "mouth", "side", "field", "haven", "furt", "au")
        form = self.random.random()
        if form < 0.35:
            return f"{self.random.choice(heads)} {stem}"
        if form < 0.75:
            return stem.split()[0] + self.random.choice(tails)
        return f"{stem} {self.random.choice(('Village', 'City', 'Beach', 'Heights', 'Springs', 'Hill', 'Creek', 'Falls', 'Bay'))}"

    def country(self) -> str:
        if self.random.random() < 0.2:
            return self.random.choice(("USA", "US", "UK", "U.S.", "the US", "UAE", "America", "England", "Scotland", "Wales",
                                       "Holland", "Great Britain", "Russia", "South Korea", "Vietnam", "Iran"))  # fmt: skip
        country = self.random.choice(self.lists.countries)
        return country.upper() if self.random.random() < 0.04 else country

    def state(self) -> str:
        return self.random.choice(self.lists.states)

    def gpe(self) -> str:
        chance = self.random.random()
        return self.city() if chance < 0.55 else self.country() if chance < 0.92 else self.state()

    def streetname(self) -> str:
        form = self.random.random()
        stem = self.random.choice((self.last, self.last, self.first, self.city, self._plain_name))().strip().split("-")[0]
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

    def _plain_name(self) -> str:
        return self.random.choice(self.plain).title()

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
        kind = self.random.choice(("Apt.", "Suite", "Apt", "Unit", "#", "Flat", "Floor", "Ste.", "Apartment", "Building", "Room"))
        return f"{kind}{'' if kind == '#' else ' '}{self._number()}"

    def zip(self) -> str:
        form, digit = self.random.random(), lambda n: "".join(self.random.choice("0123456789") for _ in range(n))
        if form < 0.6:
            return digit(5)
        if form < 0.7:
            return f"{digit(5)}-{digit(4)}"
        if form < 0.85:
            return digit(4)
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
            ends = self.random.choice((self.street, self.streetname, self.last, self.first)), self.random.choice((self.street, self.streetname))
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
            f"{self.city()}\n, {state}\n {self.country()} {self.zip()}", f"{self.zip()} {self.city()}{sep}{self.country()}",
        ))  # fmt: skip
        lines.append(place)
        if self.random.random() < 0.06:
            lines.insert(0, f"{self.random.choice(('P.O. Box', 'PO Box', 'Postfach', 'c/o'))} {self._number()}")
        return sep.join(lines)

    def _initials(self) -> str:
        return "".join(self.random.choice("ABCDEFGHIKLMNOPQRSTVWY") for _ in range(2))

    def _military(self) -> str:
        a, b, c = (self.random.randint(100, 9999) for _ in range(3))
        kind = self.random.choice((f"USS {self.last()}", f"USNV {self.last()}", f"PSC {a}, Box {b}", f"Unit {a} Box {b}", f"CMR {a}, Box {b}"))
        return f"{kind}\n{self.random.choice(('APO', 'FPO', 'DPO'))} {self.random.choice(('AA', 'AE', 'AP'))} {c:05}"

    # firms
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
            return f"{self.last()} {pick(self.lists.firm_suffixes + ['Inc', 'LLC', 'Ltd', 'PLC', 'Group', 'GmbH', 'Inc.', 'Corp'])}"
        if form < 0.44:
            return f"{pick((self.last, self._plain_name, self._coined, self.city))()} {pick(FIRM_WORDS)}"
        if form < 0.50:
            return f"{self._plain_name()} {self._plain_name()} {pick(FIRM_WORDS)}"
        if form < 0.57:
            return f"{self._plain_name()} {pick((self._plain_name(), self._coined()))}"
        if form < 0.62:
            ending = pick(("Inc", "Inc.", "LLC", "Ltd", "Corporation", "Company", "Co.", "AG", "S.A.", "plc", "Limited"))
            return f"{self._coined()}{pick((' ', ', '))}{ending}"
        if form < 0.67:
            return "".join(pick("ABCDEFGHIJKLMNOPRSTUVW") for _ in range(pick((2, 3, 3, 4))))
        if form < 0.71:
            return f"{pick(('University of', 'Bank of', 'Institute of', 'Museum of', 'Ministry of', 'Church of'))} {self.city().title()}"
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

    # numbers
    def year(self) -> str:
        return str(self.random.randint(1900, 2030))

    def weekday(self) -> str:
        return self.random.choice(WEEKDAYS)

    def date(self) -> str:
        pick = self.random.choice
        d, m, y = self.random.randint(1, 28), self.random.randint(1, 12), self.random.randint(1920, 2030)
        time = f" {self.random.randint(0, 23):02}:{self.random.randint(0, 59):02}{pick(('', ':07'))}" if self.random.random() < 0.1 else ""
        return pick((
            f"{y}-{m:02}-{d:02}{time}", f"{m}/{d}/{y}{time}", f"{d}/{m}/{y}", f"{d:02}.{m:02}.{y}", f"{MONTHS[m - 1]} {d}, {y}",
            f"{d} {MONTHS[m - 1]} {y}", f"{MONTHS[m - 1]} {y}", f"{MONTHS[m - 1]} {d}", f"{d}-{MONTHS[m - 1][:3]}-{y}", str(y),
            f"{d} {MONTHS[m - 1]}", f"{m}/{d}/{y % 100:02}", pick(WEEKDAYS),
        ))  # fmt: skip

    def phone(self) -> str:
        shape = self.random.choice((
            "###-###-####", "(###) ###-####", "### ### ####", "###.###.####", "+1 ### ### ####", "+## ## ### ## ##", "0## ### ## ##",
            "0#### ######", "## ## ## ##", "##-##-##-##", "0### ## ## ##", "(##) #### ####", "(0#) #### ####", "### ## ###", "0## ### ####",
            "+##-###-#######", "###-####", "1-###-###-####x###", "0## ## ## ## ##", "##########", "(###)###-####", "+###########", "#### ####",
            "0##-### ## ##", "###-### ## ##", "(###)## ##-##", "###.###.####x##", "0#-########", "## ### ####", "0##/#######", "#### ## ## ##",
        ))  # fmt: skip
        return "".join(self.random.choice("123456789") if char == "#" else char for char in shape)

    def license(self) -> str:
        shape = self.random.choice(("A#######", "########", "#######", "A##-##-####", "####-##-####", "A####-#####-#####", "##AAA####", "A#####"))
        return "".join(self.random.choice("123456789") if c == "#" else self.random.choice("ABCDEFGHJKLM") if c == "A" else c for c in shape)

    def num(self) -> str:
        """A number that is nothing of anyone's."""
        shape = self.random.choice((
            "#", "##", "###", "####", "#####", "######", "#######", "########", "#########", "##########", "############",
            "#.#", "#.##", "##.##", "#,###", "##,###", "#,###,###", "0.####", "-##", "#e-#", "0x####", "##%", "$##.##", "€####",
            "#### #### #### ####", "####-####-####", "###-##-####", "##-####", "####/##", "A-####", "AA#####", "A##-###-##", "#.#.##",
            "##:##", "##:##:##", "#####-##", "AA-####-AA", "#### ####", "1#######", "##########.####", "#x#", "##h", "###px",
        ))  # fmt: skip
        return "".join(self.random.choice("0123456789") if c == "#" else self.random.choice("ABCDEFGHJKLM") if c == "A" else c for c in shape)

    def uuid(self) -> str:
        made = f"{self.random.getrandbits(128):032x}"
        return self.random.choice((f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:]}", made, made[:7], made[:12]))

    def passport(self) -> str:
        return self.random.choice("ABCX") + str(self.random.randint(1000000, 99999999))

    def email(self) -> str:
        name = _letters(self.first())
        return f"{name}{self.random.choice(('.', '', '_'))}{_letters(self.last())}@{self.random.choice(ROOTS)}.{self.random.choice(('com', 'org', 'de'))}"

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


SLOTS = {*LABELS, "NUM", "UUID", "FILL", "TITLED", "BULLET", "EMAIL", "URL", "CARD", "IBAN", "SSN", "IP", "PASSPORT"}


def _letters(name: str) -> str:
    return re.sub(r"[^A-Za-z]", "", "".join(_unaccented(char) for char in name)) or "x"


def _unaccented(char: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
    return plain or char


if __name__ == "__main__":
    from lists import gather

    made = Generator(gather(), Path(__file__).parent / "templates.txt", 1)
    for _ in range(40):
        text, spans = made.text()
        print(repr(text), [(text[a:b], label) for a, b, label in spans])
