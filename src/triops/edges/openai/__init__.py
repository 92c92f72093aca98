"""OpenAI's API as its clients speak it: chat completions, responses, embeddings, models."""

from triops.edges.openai.chat import ChatDialect

__all__ = ["ChatDialect"]
