"""The command line: `durchwahl …`. Reads arguments, calls a service, prints. No decision about telephony is made here.

Exit codes: 0 fine, 1 found problems (a proof, a difference, a call that went elsewhere), 2 could not run.
"""

from orchestrator.cli.app import main

__all__ = ["main"]
