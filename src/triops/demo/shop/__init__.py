"""A small real shop: front -> catalogue -> pricing (with its own SQLite), each a process of its own.

The services know nothing of telemetry: `opentelemetry-instrument` gives it from outside. A fault is a version of a
service's configuration that the deployer puts in place, as a real pipeline would; nothing is simulated in the signals.
"""
