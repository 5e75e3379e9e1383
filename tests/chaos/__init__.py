"""Many calls while everything is killed: no call is lost, no message, and nothing is left over."""
