"""What is true in a town's telephone exchange. Standard library only: no clock, no I/O, no Asterisk."""
