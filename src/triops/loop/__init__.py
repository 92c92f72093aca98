"""The loop, in order: receive, detect, correlate, diagnose, act, learn. `bus` and `jobs` carry it."""
