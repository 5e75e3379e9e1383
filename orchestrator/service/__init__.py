"""Wires everything, once: state folder, settings, and what each command and process does. Interfaces sit above."""
