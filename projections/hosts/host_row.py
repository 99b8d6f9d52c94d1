"""The row of `hosts` that an event makes. Pure."""

from typing import Any

from schemas.hosts.events import HostSeen
from stores.log.port import Record


def host_row(record: Record, event: HostSeen) -> dict[str, Any]:
    """What was said of a host.

    Who may change every run, and anybody while the tracker is open, says it for all runs; whoever else for their own, so that no
    token changes what somebody else's run costs.
    """
    host = event.data
    said = {
        "offset": record.offset + 1,  # so that none is 0
        "until_ms": host.until_ms,
        "machine_type": host.machine_type,
        "price_model": host.price_model,
        "zone": host.zone,
        "cpu_thousandths": 0 if host.cpus is None else max(1, round(host.cpus * 1000)),
        "memory_mib": (host.memory_bytes or 0) // 2**20,
    }
    return {
        "hostname": host.hostname,
        "owner": "" if event.on_any_run else event.owner,
        "from_ms": host.since,
        "said": said,
    }
