"""The mailbox by telephone: a dialogue that is told what was pressed and says what comes next."""
