"""The books: thin services over `ports.records`, one noun each. Every method's first argument is the project."""
