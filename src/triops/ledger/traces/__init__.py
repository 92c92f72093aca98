"""The book of traces: what an experiment keeps of an application's requests, and what is thought of them."""
