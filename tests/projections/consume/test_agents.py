"""What the Faust app is made with."""

from pathlib import Path
from typing import cast

from projections.consume.agents import create_app
from projections.consume.health import HealthServer
from projections.consume.work import Work
from projections.project.projector import Projector
from schemas.settings import Settings
from stores.log.port import EventLog


def test_topic_and_group_carry_the_prefix(tmp_path: Path) -> None:
    settings = Settings(log="kafka://127.0.0.1:9", topic_prefix="staging.")
    nothing = cast(Projector, None)
    app = create_app(settings, Work(nothing), cast(EventLog, None), cast(HealthServer, None), tmp_path)
    assert app.conf.id == "staging.tracker-projections"
    [agent] = app.agents.values()
    assert agent.channel.get_topic_name() == "staging.tracker.events"
