"""Recordings -> mailboxes -> people: what was said is judged, filed into Asterisk's own spool, lit, and mailed."""
