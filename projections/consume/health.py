"""Probes and metrics of a process that serves nothing else."""

from starlette.responses import JSONResponse, Response

from stores.probe_server import ProbeServer

#: Where no other is set.
DEFAULT_PORT = 9100


class HealthServer(ProbeServer):
    """/livez, /readyz and /metrics on one port.

    `ready` becomes true when the process reads the log; `problem` says why nothing gets on although it does, else it is empty.
    """

    def __init__(self, host: str, port: int | None) -> None:
        self.ready, self.problem = False, ""
        super().__init__(host, DEFAULT_PORT if port is None else port, self)

    async def readiness(self) -> Response:
        """What was last said of it."""
        status = self.problem or ("ok" if self.ready else "starting")
        return JSONResponse({"status": status}, 200 if status == "ok" else 503)

    async def measure(self) -> None:
        """Nothing: all metrics are set as things happen."""
