"""Rows and files ↔ the frozen directory. Not here: what a directory means (domain)."""
