"""The book of scores: what people, programs and judges think of a trace, one of its spans, or a session."""
