"""Pure values and rules: no Redis, no loop, no clock of its own."""
