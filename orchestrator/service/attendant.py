"""One attendant as the shift of an exchange starts it: a worker with `/metrics` and `/health` of its own.

The page is a guest in the event loop of calls: a port that is taken is a warning, never a reason to take no calls.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from aiohttp import web

from orchestrator.apps import worker
from orchestrator.metrics.attendant import AttendantMetrics

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
LEAVE_WITHIN = 0.2
"""Seconds that a scrape may hold up a drain."""


async def attend(orders: worker.Orders, port: int) -> None:
    """Attend until SIGTERM, and tell about it on `port` of this machine."""
    metrics = AttendantMetrics()
    pages = web.AppRunner(_pages(metrics), access_log=None, shutdown_timeout=LEAVE_WITHIN)
    await pages.setup()
    try:
        try:
            await web.TCPSite(pages, HOST, port).start()
        except OSError as taken:
            log.warning("no metrics of this attendant: %s:%s: %s", HOST, port, taken)
        await worker.work(orders, observer=metrics)
    finally:
        await pages.cleanup()


def _pages(metrics: AttendantMetrics) -> web.Application:
    async def text(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def live(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="ready\n") if metrics.up else web.Response(text="Asterisk\n", status=503)

    pages = web.Application()
    pages.add_routes([web.get("/metrics", text), web.get("/health/live", live), web.get("/health/ready", ready)])
    return pages


def main(argv: Sequence[str] | None = None) -> int:
    """Run one attendant; 0 after a drain."""
    parser = worker.parser()
    parser.add_argument("--metrics-port", type=int, required=True, help="of slot 1; each further slot has the next one")
    given = parser.parse_args(argv)
    orders = worker.orders(given)
    worker.run(attend(orders, given.metrics_port + orders.slot - 1), slot=orders.slot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
