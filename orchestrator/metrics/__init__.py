"""What operations watch: Prometheus metrics, one module per process. Per flow and department, never per person."""
