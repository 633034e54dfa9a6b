"""What takes the pictures that stand in the documents; `scripts/screenshots` runs it."""
