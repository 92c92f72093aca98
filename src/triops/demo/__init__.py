"""The demo: a small real shop with real faults, and the story of how Triops finds them. Nothing else imports it."""
