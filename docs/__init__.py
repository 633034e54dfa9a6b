"""The documents, and what makes those that are made from code: `python -m docs.generate`."""
