"""Mail about messages: who is told of what, what a letter says, and its way to the mail server."""
