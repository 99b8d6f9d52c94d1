"""Parameters of the routes about one alert."""

from typing import Annotated

from fastapi import Path

from api.auth.permissions import allow
from schemas.access import Act, Caller

AlertId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]
#: Who may act on alerts.
Operator = Annotated[Caller, allow(Act.OPERATE)]
