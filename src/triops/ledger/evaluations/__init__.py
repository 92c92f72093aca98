"""The books of evaluation: `datasets` of examples, their `examples`, and `scorers`."""
