"""Registered models and prompts: what may be named, where a version may come from, who may move an alias, who is told."""
