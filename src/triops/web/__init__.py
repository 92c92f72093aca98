"""What the edges share: who asks, reading bodies within bounds, mapping errors to a status, telling HTTP/2 from HTTP/1.

Owns nothing of any protocol's meaning; each edge has that in its own `wire.py`.
"""
