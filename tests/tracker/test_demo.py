"""The demonstration moves a recorded run to now, and changes nothing else."""

from tracker.commands.demo import _recorded, moved


def test_only_times_and_the_name_move() -> None:
    body = {
        "instant": 1000,
        "workflow": {"runName": "old", "start": "2026-01-01T00:00:00.5Z", "complete": None},
        "tasks": [{"name": "2026", "submit": "2026-01-01T01:00:00+01:00", "exit": 0}],
    }
    assert moved(body, 2000, "new") == {
        "instant": 3000,
        "workflow": {"runName": "new", "start": "2026-01-01T00:00:02.500Z", "complete": None},
        "tasks": [{"name": "2026", "submit": "2026-01-01T00:00:02.000Z", "exit": 0}],
    }


def test_the_recording_is_a_whole_run() -> None:
    verbs = [r["path"].rsplit("/", 1)[-1] for r in _recorded()]
    assert verbs[0] == "create" and verbs[1] == "begin" and verbs[-1] == "complete"
