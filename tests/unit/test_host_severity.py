import pytest

from triops.lenses.aiops.host.severity import guess_severity


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("2026-11-21 04:12:39,632 INFO pricing quoted 4 prices", 9),
        ("2026-11-21 04:12:39,632 ERROR pricing failed: no warning was given", 17),
        ('{"time": "x", "level":"warn", "msg": "an ERROR was seen"}', 13),
        ("time=x level=debug msg=hello", 5),
        ("[Sat Nov 21 04:00:00] [error] [client ::1] File does not exist", 17),
        ("Nov 21 04:00:00 host kernel: error: disk on fire", 17),
        ("Nov 21 04:00:00 host sshd[12]: Accepted publickey for root", 0),
        ("the error rate is fine and the terror is over", 0),
        ("PANIC: unrecoverable", 21),
        ("CRITICAL out of memory", 18),
        ("<warning> low battery", 13),
        ("", 0),
    ],
)
def test_guess(line: str, number: int) -> None:
    assert guess_severity(line) == number
