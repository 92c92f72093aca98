"""Prompts as versions, changed as safely as code. The gateway imports `filling` alone, which needs neither the books
nor jinja2 before a template asks for it."""
