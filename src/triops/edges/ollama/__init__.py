"""Ollama's API, as its unmodified clients speak it: `completing` (chat, generate), `embedding`, `lookups` (what is
there), `content` and `options` (requests), `answers` and `stream`, `problems`."""

from triops.edges.ollama.completing import OllamaChat, OllamaGenerate
from triops.edges.ollama.embedding import OllamaEmbed, OllamaEmbeddings
from triops.edges.ollama.lookups import Running, Show, Tags, Version

__all__ = ["OllamaChat", "OllamaEmbed", "OllamaEmbeddings", "OllamaGenerate", "Running", "Show", "Tags", "Version"]
