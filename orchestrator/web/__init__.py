"""Pages for people and for Prometheus, on this machine only."""
