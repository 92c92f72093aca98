"""Prompts: what a version holds, its typed variables, and how it becomes messages. Pure, as the gateway, the server and
the SDK all render with it."""
