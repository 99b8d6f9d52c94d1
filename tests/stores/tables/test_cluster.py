"""The statements that make the tables of a cluster, checked by the parser of chDB: no cluster runs here."""

import pytest

from stores.tables import migrate as migrations
from stores.tables.client import Tables
from stores.tables.migrate import MigrationError


def test_for_a_cluster_each_statement_goes_to_all_replicas_and_tables_are_replicated(tables: Tables) -> None:
    """Checked by ClickHouse's own parser."""
    alone = {m.name: m for m in migrations.released()}
    for m in migrations.released("main-1"):
        ast = "\n".join(r["explain"] for r in tables.rows(f"EXPLAIN AST {m.sql}"))
        assert m.checksum == alone[m.name].checksum
        if "INSERT INTO" in m.sql:
            assert m.sql == alone[m.name].sql
            continue
        assert m.sql.count("ON CLUSTER 'main-1'") == 1
        assert ("Function Replicated" in ast) == ("CREATE TABLE" in m.sql), m.name


@pytest.mark.parametrize("name", ["a'b", "a b", "1", "x" * 101, "a;b"])
def test_what_is_no_name_of_a_cluster_is_refused(name: str) -> None:
    with pytest.raises(MigrationError, match="no name of a cluster"):
        migrations.released(name)
