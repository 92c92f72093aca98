"""Anthropic's Messages API, as its unmodified clients speak it: `messages` (the two endpoints), `content` and `blocks`
(requests), `stream` (streamed answers), `words` (how it ended, what it used), `problems`."""

from triops.edges.anthropic.messages import CountTokens, Messages

__all__ = ["CountTokens", "Messages"]
