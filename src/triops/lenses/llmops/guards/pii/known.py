"""What is known without looking at names: what checks itself for certain, and what only looks like something."""

from triops.lenses.llmops.guards.pii.dates import DATES
from triops.lenses.llmops.guards.pii.internet import INTERNET
from triops.lenses.llmops.guards.pii.numbers import OFFICIAL, POSTAL, TELEPHONES
from triops.lenses.llmops.guards.pii.titles import TITLES

STRUCTURED = (*INTERNET, *OFFICIAL, *DATES, *TELEPHONES, *POSTAL, *TITLES)
# A tagger that sees the whole text may know better what these are: part of an address, another number, a street.
DOUBTFUL = frozenset({"DATE_TIME", "PHONE_NUMBER", "ZIP_CODE", "US_DRIVER_LICENSE", "TITLE"})
