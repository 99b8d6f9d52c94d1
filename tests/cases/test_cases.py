"""Situations of real people, as small inputs: what must be shown, in the API and on the pages."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from stores.tables.client import Tables
from tests.support.whole import Whole, case, whole

CONSOLE = "https://eu-west-1.console.aws.amazon.com/codesuite"


@pytest.fixture
def tracker(tables: Tables, tmp_path: Path) -> Iterator[Whole]:
    with whole(tables, tmp_path) as started:
        yield started


def links(html: str) -> list[str]:
    return [unescape(href) for href in re.findall(r'href="([^"]*)"', html)]


def test_links_to_repositories_lead_where_the_host_has_them(tracker: Whole) -> None:
    tracker.send(case("10"))
    for run, repository, revision in (
        ("bb_server", "https://bitbucket.mydomain.example/projects/PROJECT/repos/repo", "/browse?at=master"),
        ("azure_clone", "https://dev.azure.com/lab/variants/_git/pipeline", "?version=GBmain"),
        ("azure_user", "https://dev.azure.com/lab/variants/_git/pipeline", "?version=GBmain"),
        ("gh_ssh", "https://github.com/lab-org/repo_name", "/tree/v1.2.0"),
        ("gh_ssh_url", "https://github.com/lab-org/repo_name", "/tree/v1.2.0"),
        ("gl_ssh_port", "https://gitlab.lab.example/group/sub/repo", "/-/tree/feature/x"),
        ("gl_scp_port", "https://gitlab.lab.example/group/repo", "/-/tree/main"),
        ("gl_http", "http://gitlab.lab.example/group/repo", "/-/tree/feature/new-caller"),
        ("gl_https_port", "https://gitlab.lab.example:8443/group/repo", "/-/tree/main"),
        ("gl_relative", "http://server.example/gitlab/dmas/hello", None),
        ("gitea", "https://gitea.lab.example/ada/pipe", "/src/main"),
        ("codecommit", f"{CONSOLE}/codecommit/repositories/pipe/browse", "/refs/heads/main"),
        ("bb_cloud", "https://bitbucket.org/team/repo", "/src/release/2.0"),
        ("rev_hash", "https://github.com/lab/pipe", "/tree/feat/%2342%20fix%3F"),
        ("ghe_custom", "https://git.lab.example/lab/pipe", None),
        ("local_git", None, None),
    ):  # fmt: skip
        found = [link for link in links(tracker.page(f"/runs/repo_{run}")) if "://" in link]
        if repository is None:
            assert found == []
            continue
        assert any(link.startswith(repository) for link in found), found
        of_revision = [link for link in found if link.startswith(f"{repository}{revision}")]
        assert bool(of_revision) == (revision is not None), found
        assert all(link.startswith(("https://", "http://")) and "redacted" not in link for link in found)
