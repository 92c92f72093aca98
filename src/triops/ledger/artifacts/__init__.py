"""The book of artifacts: which path of a project has which content."""
