"""The demo of the language lens: a support assistant on a local model, and what may go wrong with one."""
