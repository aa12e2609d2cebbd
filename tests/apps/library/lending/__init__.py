"""A Django app: who borrowed what, and when it is due."""
