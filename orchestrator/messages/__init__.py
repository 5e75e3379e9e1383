"""Recordings -> mailboxes: what was said is judged, filed into Asterisk's own spool, and lit on a lamp."""
