"""The book of logged models: `models` has them, `metrics` what was measured on them, `search` finds them."""
