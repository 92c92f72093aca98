"""The nouns and their laws. Frozen values, no I/O; time is always a parameter."""
