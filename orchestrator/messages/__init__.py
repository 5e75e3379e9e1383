"""Messages: recordings become messages in the boxes, and what may be done with them. Beside: `telephone`, `mail`."""
