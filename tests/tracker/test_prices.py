"""`tracker prices` and `tracker reprice`, on tables of their own."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner, Result

from projections.costs.in_force import book_origin, price_version, stored_book
from stores.tables.client import Tables
from tests.support.services.aws_prices import (
    NOW,
    REGION,
    answers_on_demand,
    answers_spot,
    product,
    spot_price,
)
from tests.support.sql import expand
from tracker import cli
from tracker.commands import prices

RUN = """INSERT INTO tasks (run_id, task_id, status, machine_type, cpus, started_at, completed_at)
SELECT 'r', 1, 'succeeded', 'm5.large', 2,
    toDateTime64('2026-07-01 10:00:00', 3, 'UTC'), toDateTime64('2026-07-01 11:00:00', 3, 'UTC')"""


@pytest.fixture
def tracker(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """The commands open these tables, and leave them open."""
    monkeypatch.setattr(prices, "open_tables", lambda settings: tables)
    monkeypatch.setattr(tables, "close", lambda: None)
    return tables


def run(*arguments: object, **env: str) -> Result:
    return CliRunner(env=env).invoke(cli.app, [str(a) for a in arguments])


def test_a_file_holds_from_its_day_on_until_it_is_made_to_hold_earlier(
    tracker: Tables, tmp_path: Path
) -> None:
    tracker.command(RUN)
    file = tmp_path / "ours.csv"
    file.write_text("machine_type,per_hour\nm5.large,0.5\n")

    def cost() -> str:
        return str(tracker.value(expand("SELECT cost FROM {{ task_facts(\"['r']\") }}")).normalize())

    assert "1 rates in USD" in run("prices", "check", file).output and price_version(tracker) == 0
    assert "no price book" in run("prices", "show").output
    done = run("prices", "import", file, "--since", "2026-07-20")
    assert done.exit_code == 0 and "version 2 is in force: 1 rates from 2026-07-20 on, USD" in done.output, (
        done.output
    )
    assert (book_origin(tracker), cost()) == ("import", "0.096")
    shown = run("prices", "show", "m5.large").output
    assert "0.096 USD per hour" in shown and "0.5 USD per hour" in shown and "2026-07-20" in shown
    file.write_text("machine_type,per_hour\nm5.large,0.6\n")
    differs = run("prices", "diff", file)
    assert differs.exit_code == 1 and "0.6 USD per hour" in differs.output, differs.output
    assert run("reprice", "--since", "2026-07-01").exit_code == 0
    assert cost() == "0.5"
    assert price_version(tracker) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"currency": "EUR", "rates": [{"machine_type": "m", "per_hour": "1"}]}', "one currency"),
        ('{"rates": [{"machine_type": "m", "per_hour": "-1"}]}', "greater than or equal to 0"),
        ('{"rates": [{"machine_type": "m", "per_hour": "1"', "JSON"),
    ],
)
def test_what_cannot_be_used_leaves_the_book_in_force(
    tracker: Tables, tmp_path: Path, text: str, why: str
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps({"rates": [{"machine_type": "m", "per_hour": "1"}]}))
    bad.write_text(text)
    assert run("prices", "import", good).exit_code == 0
    before = stored_book(tracker).rows()
    refused = run("prices", "import", bad)
    assert refused.exit_code == 1 and why in refused.stderr, refused.output
    assert "no day" in run("prices", "import", good, "--since", "yesterday").stderr
    assert (price_version(tracker), stored_book(tracker).rows()) == (2, before)
    whole = run("prices", "import", good, TRACKER_PRICE_BOOK=str(good))
    assert whole.exit_code == 1 and "is the whole book" in whole.stderr


def test_aws_is_asked_for_the_types_that_tasks_ran_on(
    tracker: Tables, monkeypatch: pytest.MonkeyPatch, clients: dict[str, Stubber]
) -> None:
    monkeypatch.setattr(prices, "now_ms", lambda: int(NOW.timestamp() * 1000))
    tracker.command(
        "INSERT INTO tasks (run_id, task_id, status, machine_type) VALUES ('r', 1, 'succeeded', 'm5.large')"
    )
    answers_on_demand(clients["pricing"], [product()])
    answers_spot(clients["ec2"], [spot_price(1, "0.05")])
    done = run("prices", "refresh", REGION)
    assert done.exit_code == 0, done.output
    assert "1 on-demand rates of eu-west-1 from 2026-07-20 on, 1 spot prices" in done.output
    book = stored_book(tracker)
    ours = {(r.price_model, r.basis, r.zone): r.per_hour for r in book.rates if r.zone.startswith(REGION)}
    assert ours["on-demand", "list", REGION] == Decimal("0.107")
    assert ours["spot", "history", "eu-west-1a"] == Decimal("0.05")
    version = price_version(tracker)
    clients["pricing"].add_client_error("get_products", "AccessDeniedException", "no")
    failed = run("prices", "refresh", REGION)
    assert failed.exit_code == 1 and "does not tell its prices" in failed.output
    assert price_version(tracker) == version, "the book in force stays"
