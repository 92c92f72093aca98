"""OpenAI's API as its clients speak it: chat completions, responses, embeddings, moderations, models."""

from triops.edges.openai.chat import ChatDialect
from triops.edges.openai.embeddings import EmbeddingsDialect
from triops.edges.openai.models import ModelList, OneModel
from triops.edges.openai.moderations import ModerationsDialect
from triops.edges.openai.responses import ResponsesDialect

__all__ = ["ChatDialect", "EmbeddingsDialect", "ModelList", "ModerationsDialect", "OneModel", "ResponsesDialect"]
