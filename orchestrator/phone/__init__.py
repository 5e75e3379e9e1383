"""Telephones of our own: real SIP programs, driven, so that a call can be placed, answered and listened to.

Belongs here: starting and driving baresip and SIPp, and judging what was heard. Not here: anything that knows the
exchange's flows or Asterisk's words; a telephone only dials, rings, talks and hears.
"""
