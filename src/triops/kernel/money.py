"""US dollars, exactly: whole pico-dollars (1e-12 USD), so that a price of six decimals a million tokens is a whole
number a token and sums never round."""

from decimal import Decimal, InvalidOperation

from triops.kernel.errors import Invalid

PICO = 10**12


def usd(pico: int) -> str:
    """`1234000000` as `0.001234`: plain decimal notation, no exponent, no trailing zeros."""
    digits = str(abs(pico)).zfill(13)
    text = f"{digits[:-12]}.{digits[-12:]}".rstrip("0").rstrip(".")
    return "-" + text if pico < 0 else text


def pico_of(amount: object, field: str, *, per: int = 1) -> int:
    """`amount`: dollars as a decimal text or a whole number; `per`: how many things it is for (1,000,000 tokens).
    Raises: Invalid when it is no plain, non-negative amount, or not a whole number of pico-dollars each."""
    try:
        if isinstance(amount, bool | float) or not isinstance(amount, int | str | Decimal):
            raise InvalidOperation
        number = Decimal(amount)
        if not number.is_finite() or number < 0 or number > 10**9:
            raise InvalidOperation
    except InvalidOperation:
        raise Invalid("not an amount of dollars", field=field, got=amount, expected='a text such as "0.15"') from None
    each = number * PICO / per
    if each != int(each):
        raise Invalid("more decimals than are counted", field=field, got=str(amount), expected="1e-12 USD each")
    return int(each)
