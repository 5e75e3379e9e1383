"""What operations watch: Prometheus metrics, one module per theme. Per flow and department, never per person."""

from prometheus_client import disable_created_metrics

# When each series was begun: a third of a page, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]
