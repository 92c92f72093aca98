"""One file a claim; each runs Triops and the peer side by side and prints a ratio. `make bench` runs them all."""
