"""What happened: Asterisk's event log (CEL) on disk -> one journey per call."""
