"""Langfuse's SDKs as clients: their OTLP path (the same spans as everywhere, `edges/otlp`), scores, the batches of
their older versions, and what they ask at their start."""
