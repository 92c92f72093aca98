"""Every endpoint of the gateway: what its process answers, and what the server's port hands to it."""

from collections.abc import Sequence

from triops.edges import anthropic, ollama, openai
from triops.web.completing.paths import GatewayPaths
from triops.web.dialects import Dialect, Lookup


def dialects() -> Sequence[Dialect]:
    return [
        openai.ChatDialect(),
        openai.ResponsesDialect(),
        openai.EmbeddingsDialect(),
        openai.ModerationsDialect(),
        anthropic.Messages(),
        anthropic.CountTokens(),
        ollama.OllamaChat(),
        ollama.OllamaGenerate(),
        ollama.OllamaEmbed(),
        ollama.OllamaEmbeddings(),
    ]


def lookups() -> Sequence[Lookup]:
    return [
        openai.ModelList(),
        openai.OneModel(),
        ollama.Tags(),
        ollama.Show(),
        ollama.Version(),
        ollama.Running(),
    ]


def gateway_paths() -> GatewayPaths:
    return GatewayPaths(
        [*(("POST", dialect.path) for dialect in dialects()), *((one.method, one.path) for one in lookups())]
    )
