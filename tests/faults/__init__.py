"""Faults against a fleet under load, alone or in pairs: what is lost, runs twice, and when it works again."""
