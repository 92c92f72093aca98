"""The book of versions: registered models and prompts, their versions, tags, aliases, history, approvals, cards, and
the webhooks that tell of them."""
