from triops.edges.alertmanager.wire import fingerprint_of


def test_it_is_fnv_1a_over_sorted_labels() -> None:
    """By hand: FNV-1a of `a`, 255, `b`, 255, and its offset for no labels (as prometheus/common computes it)."""
    value = 14695981039346656037
    for byte in (0x61, 0xFF, 0x62, 0xFF):
        value = (value ^ byte) * 1099511628211 % 2**64
    assert fingerprint_of({"a": "b"}) == f"{value:016x}"
    assert fingerprint_of({}) == "cbf29ce484222325"
    assert fingerprint_of({"x": "1", "a": "b"}) == fingerprint_of({"a": "b", "x": "1"})
