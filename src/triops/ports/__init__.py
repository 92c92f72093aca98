"""What Triops needs from the world: one small Protocol a file, its promises in prose.

Every adapter passes the contract suite of the same name in `triops.testing`.
"""
