"""`python -m orchestrator.cli`: the command without its installed script."""

from orchestrator.cli import main

main()
