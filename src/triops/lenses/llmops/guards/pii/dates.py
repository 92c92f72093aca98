"""Dates and times of day, as they are written."""

import re

from triops.lenses.llmops.guards.patterns import Pattern

MONTHS = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
MONTHS = f"(?:{MONTHS}|nov(?:ember)?|dec(?:ember)?)"
_DIGITS = tuple("0123456789")
_MONTH_HINTS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?:[ T]{1,2}\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\b\.?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_ISO = re.compile(
    rf"[12](?<![\w./-].)(?:(?<=1)9|(?<=2)0)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01]){_CLOCK}(?![\w/-])"
)
_SLASHED = re.compile(
    rf"\d(?<![\w./-].)(?:(?<=0)[1-9]|(?<=[12])\d|(?<=3)[01]|(?<!0))([/.-])(?:0?[1-9]|[12]\d|3[01])\1(?:\d{{4}}|\d\d){_CLOCK}(?![\w/-]|\.\d)"
)
_DAY_FIRST = re.compile(
    rf"\d(?<![\w.].)(?:(?<=0)[1-9]|(?<=[12])\d|(?<=3)[01]|(?<!0))(?:st|nd|rd|th)?[ -]"
    rf"(?:of )?{MONTHS}\.?(?:,?[ -](?:19|20)?\d\d\b)?(?!\w)",
    re.I,
)
_MONTH_FIRST = re.compile(
    rf"(?<!\w){MONTHS}\.? (?:(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?:,? (?:19|20)\d\d)?|(?:19|20)\d\d)"
    r"(?![\w]|[.:]\d)",
    re.I,
)
_YEAR = re.compile(r"[12](?<![\w.,$€£#/-].)(?:(?<=1)[6-9]|(?<=2)0)\d\d(?![\w%€$£-]|[.,:/]\d)")
_YEAR_AFTER = re.compile(
    r"\b(?:in|since|of|by|until|till|from|during|after|before|around|circa|summer|winter|year) $", re.I
)


def _year(text: str, start: int, end: int) -> int:
    return end if _YEAR_AFTER.search(text, max(0, start - 8), start) else 0


DATES = (
    Pattern("DATE_TIME", _ISO, needs=_DIGITS),
    Pattern("DATE_TIME", _SLASHED, needs=_DIGITS),
    Pattern("DATE_TIME", _DAY_FIRST, needs=_DIGITS, hints=_MONTH_HINTS),
    Pattern("DATE_TIME", _MONTH_FIRST, needs=_DIGITS, hints=_MONTH_HINTS),
    Pattern("DATE_TIME", _YEAR, _year, needs=_DIGITS),
)
