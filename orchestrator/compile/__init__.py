"""Directory -> what Asterisk and the attendants read: configuration, dialplan, steps, sounds."""
