"""Providers of language models: one file each, pure functions between our words and theirs."""
