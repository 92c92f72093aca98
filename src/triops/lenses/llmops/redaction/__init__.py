"""What of calls is never stored: by the project's documents of the kind `Redaction`, all of which hold together.

`rule` is applied to spans before they are stored anywhere, and by the gateway before it writes its journal. A project
without such a document pays nothing.
"""
