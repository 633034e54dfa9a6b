"""The benchmark behind `scripts/bench`; README.md beside this says how to run and read it."""
