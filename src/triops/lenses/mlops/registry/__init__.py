"""Registered models and prompts: their names, where a version comes from, who may move an alias, who is told."""
