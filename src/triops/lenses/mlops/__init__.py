"""Models: how they were made, which ones there are, and who said that one may be used."""
