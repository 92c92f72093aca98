"""The spend that Triops tells, against the account of the provider that was paid: call by call, to the pico-dollar."""

from triops.testing.reconciliation.comparing import Account, Report, compared, spend_of
from triops.testing.reconciliation.driving import Saw, drive
from triops.testing.reconciliation.mix import KEYS, PRICES, ROUTES, Call, calls, documents

__all__ = [
    "KEYS", "PRICES", "ROUTES", "Account", "Call", "Report", "Saw", "calls", "compared", "documents", "drive",
    "spend_of",
]  # fmt: skip
