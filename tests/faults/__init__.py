"""Faults against real processes: one module for each family, a nemesis that mixes them, an auditor that counts."""
