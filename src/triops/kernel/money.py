"""US dollars, exactly: whole pico-dollars (1e-12 USD), so that a price of six decimals a million tokens is a whole
number a token and sums never round."""

import re

from triops.kernel.errors import Invalid

PICO = 10**12
_PLAIN = re.compile(r"(?P<whole>[0-9]{1,10})(?:\.(?P<part>[0-9]{1,30}))?")
_MOST = 10**9  # dollars


def usd(pico: int) -> str:
    """`1234000000` as `0.001234`: plain decimal notation, no exponent, no trailing zeros."""
    digits = str(abs(pico)).zfill(13)
    text = f"{digits[:-12]}.{digits[-12:]}".rstrip("0").rstrip(".")
    return "-" + text if pico < 0 else text


def pico_of(amount: object, field: str, *, per: int = 1) -> int:
    """`amount`: dollars as a text in plain decimal notation (no sign, exponent, space or separator), or a whole number;
    `per`: how many things it is for (1,000,000 tokens).
    Raises: Invalid when it is none, over a billion, or not a whole number of pico-dollars each."""
    whole = isinstance(amount, int) and not isinstance(amount, bool) and 0 <= amount <= _MOST
    plain = _PLAIN.fullmatch(str(amount)) if whole or isinstance(amount, str) else None
    if plain is None:
        raise Invalid("not an amount of dollars", field=field, got=amount, expected='a text such as "0.15"')
    part = plain["part"] or ""
    parts: int = 10 ** len(part)
    number = int(plain["whole"] + part)
    if number > _MOST * parts:
        raise Invalid("not an amount of dollars", field=field, got=amount, expected="at most a billion")
    each, rest = divmod(number * PICO, per * parts)
    if rest:
        raise Invalid("more decimals than are counted", field=field, got=str(amount), expected="1e-12 USD each")
    return each
