"""Numbers that name a person or what is theirs: cards, accounts, telephones, and those of offices.

A number that checks itself, or is written as only such numbers are, needs no word before it; the others do.
"""

import re

from triops.lenses.llmops.guards.patterns import Pattern, near
from triops.lenses.llmops.guards.pii.checksums import IBAN_LENGTHS, iban, luhn, ssn

_DIGITS = tuple("0123456789")
_NOT = re.compile(r"\D")
CARD_WORDS = ("card", "cc", "credit", "debit", "visa", "mastercard", "amex", "maestro", "account", "acct")
_SPOKEN = ("phone", "tel", "call", "mobile", "cell", "fax", "contact", "text", "sms", "whatsapp", "ring", "dial")
PHONE_WORDS = (*_SPOKEN, "reach", "message", "voicemail", "number", "hotline", "pager", "ext")
# whose number it is when "number" is all that speaks for a telephone
_OTHERS = ("order n", "order #", "invoice", "ticket", "case n", "account", "reference", "serial", "booking", "policy")
_GROUPS = r"(?:[ .\-]?\(?\d{1,5}\)?)"

_IBAN = re.compile(r"[A-Za-z](?<!\w.)(?:[A-Z]\d{2}(?: ?[A-Z0-9]){11,30}(?![a-z])|[a-z]\d{2}[a-z0-9]{11,30}(?!\w))")
_IBAN_GATE = re.compile(r"\d\d ?[A-Za-z0-9]")
_CARD = re.compile(r"\d(?<![\w.+-].)(?:[ -]?\d){11,18}(?![\w-]|\.\d)")
_SSN = re.compile(r"\d(?<![\w.+-].)\d\d([- .])\d{2}\1\d{4}(?![\w-]|\.\d)")
_NINE = re.compile(r"\d(?<![\w.+-].)\d{8}(?![\w-]|\.\d)")
_LICENCE = re.compile(r"(?<![\w.-])(?=[A-Z0-9 -]{0,9}\d)[A-Z0-9](?:-?[A-Z0-9]){4,18}(?![\w-])")
_PASSPORT = re.compile(r"(?<![\w.-])(?:[A-Z]{1,2}\d{6,8}|\d{8,9}|[A-Z0-9]{9})(?![\w-])")
_ZIP = re.compile(r"(?<![\w.#$-])(?:\d{5}(?:-\d{4})?|\d{4}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{3}[ -]\d{2,4})(?![\w-]|\.\d)")
_UK_ZIP = re.compile(r"(?<![\w-])(?:GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2})(?![\w-])")
_UK_GATE = re.compile(r"\d[ABD-HJLNP-UW-Z]{2}|0AA")
_EXTENSION = r"(?: ?(?:x|ext\.?) ?\d{1,6})?"
_PHONE = re.compile(
    r"(?<![\w.,:/$€£#@=-])(?:"
    rf"\+ ?\d{{1,3}}{_GROUPS}{{1,6}}"  # international
    rf"|00\d{{1,3}}{_GROUPS}{{2,6}}"
    rf"|\(\d{{2,5}}\){_GROUPS}{{1,4}}"  # an area in parentheses
    r"|1?[ .-]?\d{3}([ .-])\d{3}\1\d{4}"  # North America
    r"|0\d{1,4}(?:[ -/.]\d{2,8}){1,4}"  # a trunk's zero
    rf"){_EXTENSION}(?![\w%-]|[.,:/]\d)"
)
_PHONE_GATE = re.compile(r"\d[\d ().\-/]{5}")
_PHONE_NEAR = re.compile(rf"\d(?<![\w.,:/$€£#@=-].)\d{{1,4}}{_GROUPS}{{1,5}}{_EXTENSION}(?![\w%-]|[.,:/]\d)")
_LIKE_DATE = re.compile(r"(?:\d{1,2}([./-])\d{1,2}\1(?:\d{2}|\d{4})|\d{4}([./-])\d{1,2}\2\d{1,2})")


def _iban(text: str, start: int, end: int) -> int:
    length = IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    at = start
    while length and at < end:
        length -= text[at] != " "
        at += 1
    if length or (at < len(text) and (text[at].isalnum() or text[at] == "_")):
        return 0
    return at if iban(text[start:at].replace(" ", "").upper()) else 0


def _card(text: str, start: int, end: int) -> int:
    digits = _NOT.sub("", text[start:end])
    if not luhn(digits) or digits.count(digits[0]) == len(digits):
        return 0
    sure = len(digits) in (14, 15, 16) and digits[0] in "23456"
    return end if sure or near(text, start, CARD_WORDS) else 0


def _ssn(text: str, start: int, end: int) -> int:
    return end if ssn(_NOT.sub("", text[start:end])) else 0


def _phone(text: str, start: int, end: int) -> int:
    found = text[start:end]
    if not 7 <= len(_NOT.sub("", found.partition("x")[0])) <= 15 or _LIKE_DATE.fullmatch(found):
        return 0
    return end


def _phone_near(text: str, start: int, end: int) -> int:
    if near(text, start, _OTHERS) and not near(text, start, _SPOKEN):
        return 0
    return _phone(text, start, end)


def _licence(text: str, start: int, end: int) -> int:
    return end if sum(char in _DIGITS for char in text[start:end]) >= 4 else 0


_OF_DRIVERS = ("driver's l", "drivers l", "driver l", "driver’s l", "driving l", "license n", "licence n", "license #")
LICENCE_WORDS = (*_OF_DRIVERS, "my license", "my licence", "dl n", "dl:", "dl #")
OFFICIAL = (
    Pattern("IBAN_CODE", _IBAN, _iban, needs=_DIGITS, gate=_IBAN_GATE),
    Pattern("CREDIT_CARD", _CARD, _card, needs=_DIGITS),
    Pattern("US_DRIVER_LICENSE", _LICENCE, _licence, _DIGITS, LICENCE_WORDS),
    Pattern("US_PASSPORT", _PASSPORT, _licence, _DIGITS, ("passport",)),
    Pattern("US_SSN", _SSN, _ssn, _DIGITS),
    Pattern("US_SSN", _NINE, _ssn, _DIGITS, ("ssn", "social security", "social-security")),
)
TELEPHONES = (
    Pattern("PHONE_NUMBER", _PHONE, _phone, _DIGITS, gate=_PHONE_GATE),
    Pattern("PHONE_NUMBER", _PHONE_NEAR, _phone_near, _DIGITS, PHONE_WORDS),
)
POSTAL = (
    Pattern("ZIP_CODE", _UK_ZIP, None, _DIGITS, gate=_UK_GATE),
    Pattern("ZIP_CODE", _ZIP, None, _DIGITS, ("zip", "postal code", "postcode", "post code")),
)
