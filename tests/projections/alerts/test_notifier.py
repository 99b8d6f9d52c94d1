"""The notifier on a real log and real tables, with receivers that fail in every way: each episode arrives, in order."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress

import pytest
from pydantic import SecretStr

from projections.alerts import notifier_state
from projections.alerts.rules import Receiver
from projections.alerts.storage import Mark, Storage
from projections.project.outage_counts import OutageCounts
from schemas.metrics import ALERTS, NOTIFIER_QUEUE
from schemas.topics import DEAD_LETTERS, EVENTS, NOTIFIER_GROUP, PROJECTOR_GROUP, TRANSITIONS
from schemas.values import iso
from stores.log.port import LogUnavailable
from stores.tables.client import TablesUnavailable
from tests.support.alerts.notifier_stage import Play, Stage, Target, now_ms, running
from tests.support.api.stage import run_row


@pytest.mark.parametrize("fault", ["500", "404", "429", "hang", "drop"])
def test_each_episode_arrives_in_order_whatever_the_receiver_does(play: Play, fault: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.target.open()
        stage.target.script = [fault, fault]
        async with running(stage.notifier()):
            for run in ("x", "y"):
                await stage.change(run, "stalled")
                await stage.change(run, "running")
            await stage.finished()
        took, got = stage.target.took, stage.target.got
        assert len(took) == len(set(took)) == 4
        for alert in stage.alerts():
            assert [k for k in took if k.startswith(alert["id"])] == [
                f"{alert['id']}:firing",
                f"{alert['id']}:resolved",
            ]
            assert alert["state"] == "resolved" and alert["deliveries"][0]["resolved_at"]
        assert len(got) == 6 and {key for key, _, _ in got} == set(took), "sent again under the same key"

    play(scene)


def test_a_receiver_that_is_down_across_a_restart_is_told_afterwards(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.target.open()
        stage.target.close()  # the port refuses from now on
        async with running(stage.notifier()):
            await stage.change("x", "failed")
            await stage.change("y", "disconnected")
            stage.tick(now_ms())
            await stage.until(lambda: sum(a["state"] == "firing" for a in stage.alerts()) == 2)
            await stage.until(lambda: NOTIFIER_QUEUE._value.get() == 2)
        async with running(stage.notifier()):
            await stage.change("y", "running")
            await stage.until(lambda: any(a["state"] == "resolved" for a in stage.alerts()))
        assert not stage.target.got
        await stage.target.open()
        async with running(stage.notifier()):
            await stage.until(lambda: len(stage.target.took) == 3, "three messages")
            [y] = [a["id"] for a in stage.alerts() if a["run_id"] == "y"]
            await stage.until(lambda: any(a["finished"] for a in stage.alerts()))
        assert [k for k in stage.target.took if k.startswith(y)] == [f"{y}:firing", f"{y}:resolved"]
        assert len(stage.target.took) == 3 and len(stage.alerts()) == 2

    play(scene)


def test_a_receiver_that_hangs_holds_up_no_other(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        hanging = Target()
        await hanging.open()
        await stage.target.open()
        hanging.script = ["hang"] * 1000
        url = SecretStr(f"http://127.0.0.1:{hanging.port}/")
        async with running(stage.notifier(Receiver(url=url))):
            for n in range(5):
                await stage.change(f"r{n}", "failed")
            await stage.until(lambda: len(stage.target.took) == 5)
        assert len(hanging.got) < 5 and not hanging.took
        hanging.close()

    play(scene)


def test_a_crash_before_the_commit_repeats_nothing_but_the_key(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(stage: Stage) -> None:
        async def fails(*_: object) -> None:
            raise LogUnavailable("away")

        await stage.target.open()
        with monkeypatch.context() as broken:
            broken.setattr(stage.log, "commit", fails)
            async with running(stage.notifier()):
                await stage.change("x", "stalled")
                await stage.until(lambda: len(stage.target.took) == 1)
                await stage.until(
                    lambda: bool(stage.alerts()) and bool(stage.alerts()[0]["deliveries"][0]["firing_at"])
                )
        assert not await stage.log.committed(NOTIFIER_GROUP, TRANSITIONS)
        async with running(stage.notifier()):
            await stage.change("x", "running")
            await stage.finished()
        assert [k.split(":")[1] for k in stage.target.took] == ["firing", "resolved"]
        assert dict(await stage.log.committed(NOTIFIER_GROUP, TRANSITIONS)) == {0: 2}

    play(scene)


def test_while_the_tables_cannot_be_written_receivers_are_told_and_it_is_written_later(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.target.open()
        notifier = stage.notifier()
        insert = stage.tables.insert

        def fails(table: str, rows: bytes) -> None:
            if table == "alerts":
                raise TablesUnavailable("away")
            insert(table, rows)

        async with running(notifier):
            with monkeypatch.context() as broken:
                broken.setattr(stage.tables, "insert", fails)
                await stage.change("x", "failed")
                await stage.until(lambda: len(stage.target.took) == 1)
                assert not stage.alerts()
            assert stage.tables.insert == insert
            await stage.until(
                lambda: len(stage.alerts()) == 1 and bool(stage.alerts()[0]["deliveries"][0]["firing_at"])
            )
        assert len(stage.target.got) == 1

    play(scene)


def test_most_runs_fall_silent_together(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.target.open()
        silent = [f"s{n}" for n in range(4)]
        async with running(stage.notifier()):
            for n, run in enumerate(silent, 1):
                await stage.change(run, "disconnected", OutageCounts(live=6, fallen=n, suspects=4 - n))
            await stage.until(lambda: len(stage.alerts()) == 5)
            for run in silent:
                await stage.change(run, "running")
            await stage.finished()
        assert [status for _, status, _ in stage.target.got] == ["firing", "resolved"]
        assert "4 of 6 live runs" in stage.target.got[0][2]["commonAnnotations"]["summary"]
        assert sorted(a["state"] for a in stage.alerts()) == ["passed"] * 4 + ["resolved"]

    play(scene, disconnected_after_seconds=180)


def test_the_tracker_is_behind_and_gets_on_again(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.target.open()
        async with running(stage.notifier()):
            stage.tick(now_ms() - 60_000)
            await stage.until(lambda: len(stage.target.took) == 1)
            stage.tick(now_ms() + 30_000)
            await stage.finished()
        [alert] = stage.alerts()
        assert alert["kind"] == "tracker-behind" and "partition 0" in alert["summary"]
        assert [status for _, status, _ in stage.target.got] == ["firing", "resolved"]

    play(scene, behind_after_seconds=0.4)


def test_dead_letters_and_what_is_no_transition(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.target.open()
        await stage.log.append(TRANSITIONS, "x", TRANSITIONS, b"\xff no transition")
        letter = {"partition": 0, "offset": 3, "part": "", "reason": "no JSON <b>"}
        await stage.log.append(DEAD_LETTERS, "3", DEAD_LETTERS, json.dumps(letter).encode())
        async with running(stage.notifier()):
            await stage.until(lambda: len(stage.target.took) == 1)
        assert stage.target.got[0][2]["alerts"][0]["labels"]["alertname"] == "DeadLetters"

    play(scene)


def test_people_acknowledge_and_silence(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.target.open()
        async with running(stage.notifier()):
            await stage.change("x", "failed")
            await stage.until(lambda: len(stage.target.took) == 1 and bool(stage.alerts()))
            [alert] = stage.alerts()
            act = {"partition": 0, "alert_id": alert["id"], "by": "ada", "appended_at": iso(now_ms())}
            until = iso(now_ms() + 3_600_000)
            stage.insert("alert_acts", act | {"offset": 1, "act": "alert.silenced", "until": until})
            stage.insert("alert_acts", act | {"offset": 2, "act": "alert.acknowledged"})
            await stage.finished()
        [alert] = stage.alerts()
        assert alert["acknowledged_by"] == "ada" and alert["silenced_until"] and alert["state"] == "resolved"
        assert [status for _, status, _ in stage.target.got] == ["firing", "resolved"]

    play(scene)


def test_tables_are_read_again_only_when_something_was_projected(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(stage: Stage) -> None:
        looks, reads = [0], [0]
        committed, marks = stage.log.committed, Storage.marks

        async def look(group: str, topic: str) -> Mapping[int, int]:
            looks[0] += group == PROJECTOR_GROUP
            return await committed(group, topic)

        def read(storage: Storage) -> dict[int, Mark]:
            reads[0] += 1
            return marks(storage)

        monkeypatch.setattr(stage.log, "committed", look)
        monkeypatch.setattr(Storage, "marks", read)
        monkeypatch.setattr(notifier_state, "_LOOK_SECONDS", 0.01)
        await stage.target.open()
        await stage.log.commit(PROJECTOR_GROUP, EVENTS, {0: 1})
        async with running(stage.notifier()):
            await stage.until(lambda: looks[0] >= 4, "it looks again and again")
            assert reads[0] == 1
            await stage.log.commit(PROJECTOR_GROUP, EVENTS, {0: 2})
            await stage.until(lambda: reads[0] == 2, "it reads what is new")
            seen = looks[0]
            await stage.until(lambda: looks[0] >= seen + 3, "and looks on")
            assert reads[0] == 2

    play(scene)


def test_the_watchdog_barks_and_only_the_active_notifier_works(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.target.open()
        await stage.change("x", "stalled")
        active = False
        task = asyncio.create_task(stage.notifier().run(lambda: active))
        async with running(stage.notifier()):
            await stage.until(lambda: len(stage.target.took) >= 4)
        names = [body["alerts"][0]["labels"]["alertname"] for _, _, body in stage.target.got]
        assert names.count("RunStalled") == 1 and set(names) == {"RunStalled", "Watchdog"}
        barks = [k for k in stage.target.took if k.startswith("watchdog")]
        assert len(set(barks)) == len(barks) >= 3 and ALERTS.labels("firing")._value.get() == 1
        active = True
        await stage.change("x", "running")
        await stage.until(lambda: any(k.endswith("resolved") for k in stage.target.took))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    play(scene, alert_watchdog_seconds=0.3)


def test_a_later_cycle_ends_the_alert_about_a_silent_run_and_says_so(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.target.open()

        def begins(run: str, owner: str = "") -> None:
            facts = {"name": f"the {run}", "session_id": "s"}
            known = {"owner": {"earliness": 1, "name": owner}} if owner else {}
            stage.insert("runs", run_row(run, at=now_ms(), facts=facts, **known))

        begins("first")
        async with running(stage.notifier()):
            await stage.change("first", "disconnected")
            await stage.until(lambda: len(stage.target.took) == 1, "it fires")
            begins("stranger", owner="eve")
            await stage.change("stranger", "running")
            begins("second")
            await stage.change("second", "running")
            await stage.finished()
            await stage.change("first", "running")
            await stage.change("first", "stalled")
            await stage.change("other", "stalled")
            await stage.until(lambda: len(stage.target.took) == 3, "the other's alert")
        assert {a["run_id"] for a in stage.alerts()} == {"first", "other"}, "no more of the first"
        [alert] = [a for a in stage.alerts() if a["run_id"] == "first"]
        assert alert["state"] == "resolved" and alert["summary"].endswith("resumed as the second")

    play(scene)


FAILED_WITH = "Process `QC:ALIGN (s1)` terminated with an error exit status (137)"


@pytest.mark.parametrize(
    ("status", "completed", "summary"),
    [
        (
            "failed",
            {
                "error_message": FAILED_WITH,
                "error_report": "Caused by:\n  OutOfMemoryError: Container killed",
            },
            "night failed. Cause: The task was killed because it used more memory than it was given. The runner says: "
            + FAILED_WITH,
        ),
        (
            "failed",
            {"error_message": "", "error_report": "Caused by:\n  x\n\nCommand exit status:\n  137"},
            "night failed. Likely cause: The task was killed, most often because it used more memory than it was given.",
        ),
        ("failed", {"error_message": "the moon was full"}, "night failed: the moon was full"),
        ("failed", {}, "night failed"),
        ("disconnected", {}, "night is disconnected: because"),
    ],
)
def test_a_message_says_why_the_run_failed(
    play: Play, status: str, completed: dict[str, str], summary: str
) -> None:
    """Certain, likely, without a rule that fits, without any text, and of a run that is not over."""

    async def scene(stage: Stage) -> None:
        await stage.target.open()
        message, report = completed.get("error_message", ""), completed.get("error_report", "")
        ended = {"completed": {"error_message": message, "state": status}} if status == "failed" else {}
        stage.insert(
            "runs", run_row("x", facts={"name": "night"}, completed_texts={"error_report": report}, **ended)
        )
        async with running(stage.notifier()):
            await stage.change("x", status)
            await stage.until(lambda: len(stage.target.took) == 1, "a message")
        [(_, _, body)] = stage.target.got
        assert body["alerts"][0]["annotations"]["summary"] == summary
        assert [a["summary"] for a in stage.alerts()] == [summary]

    play(scene)
