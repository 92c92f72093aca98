"""The book of imports: writes what was moved from another tracking server, with the ids and times it had there."""
