"""Many calls while everything is killed: no call is lost, no message is, and nothing is left over."""
