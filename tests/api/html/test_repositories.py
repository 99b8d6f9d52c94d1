"""Links to repositories: each kind of host by its own form of address, and nothing that leads nowhere."""

import pytest

from api.html.repositories import _PAGES, RepositoryLinks, links
from schemas.settings import REPOSITORY_KINDS, Settings

CONSOLE = "https://eu-west-1.console.aws.amazon.com/codesuite/codecommit/repositories/flow"


@pytest.mark.parametrize(
    ("repository", "base", "tree", "commit"),
    [
        ("https://github.com/nf-core/rnaseq", "https://github.com/nf-core/rnaseq", "/tree/dev", "/commit/abc"),
        ("https://github.com/nf-core/rnaseq.git", "https://github.com/nf-core/rnaseq", "/tree/dev", "/commit/abc"),
        ("git@github.com:lab/flow.git", "https://github.com/lab/flow", "/tree/dev", "/commit/abc"),
        ("ssh://git@github.com/lab/flow.git", "https://github.com/lab/flow", "/tree/dev", "/commit/abc"),
        ("http://github.lab.example/lab/flow", "http://github.lab.example/lab/flow", "/tree/dev", "/commit/abc"),
        ("https://github.com:8443/a/b", "https://github.com:8443/a/b", "/tree/dev", "/commit/abc"),
        ("git@gitlab.com:lab/sub/flow.git", "https://gitlab.com/lab/sub/flow", "/-/tree/dev", "/-/commit/abc"),
        ("ssh://git@gitlab.lab.example:2222/a/b/c.git", "https://gitlab.lab.example/a/b/c", "/-/tree/dev", "/-/commit/abc"),
        ("git@gitlab.lab.example:2222/lab/flow.git", "https://gitlab.lab.example/lab/flow", "/-/tree/dev", "/-/commit/abc"),
        ("http://gitlab.lab.example:8080/lab/flow", "http://gitlab.lab.example:8080/lab/flow", "/-/tree/dev", "/-/commit/abc"),
        ("https://bitbucket.org/lab/flow", "https://bitbucket.org/lab/flow", "/src/dev", "/commits/abc"),
        ("https://codeberg.org/lab/flow", "https://codeberg.org/lab/flow", "/src/dev", "/commit/abc"),
        ("https://code.lab/scm/gen/flow.git", "https://code.lab/projects/GEN/repos/flow", "/browse?at=dev", "/commits/abc"),
        ("https://code.lab/scm/~ada/flow.git", "https://code.lab/users/ada/repos/flow", "/browse?at=dev", "/commits/abc"),
        ("ssh://git@bitbucket.x:7999/gen/f.git", "https://bitbucket.x/projects/GEN/repos/f", "/browse?at=dev", "/commits/abc"),
        ("ssh://git@code.lab:7999/~ada/flow.git", "https://code.lab/users/ada/repos/flow", "/browse?at=dev", "/commits/abc"),
        ("git@bitbucket.lab:gen/flow.git", "https://bitbucket.lab/projects/GEN/repos/flow", "/browse?at=dev", "/commits/abc"),
        ("https://code.lab/bb/scm/gen/flow.git", "https://code.lab/bb/projects/GEN/repos/flow", "/browse?at=dev", "/commits/abc"),
        ("https://code.lab/projects/G/repos/f/browse", "https://code.lab/projects/G/repos/f",  "/browse?at=dev", "/commits/abc"),
        ("https://bitbucket.lab/users/ada/repos/f", "https://bitbucket.lab/users/ada/repos/f", "/browse?at=dev", "/commits/abc"),
        ("git@gitlab.lab:a/b/c/d/e.git", "https://gitlab.lab/a/b/c/d/e", "/-/tree/dev", "/-/commit/abc"),
        ("ssh://git@altssh.gitlab.com:443/lab/flow.git", "https://gitlab.com/lab/flow", "/-/tree/dev", "/-/commit/abc"),
        ("ssh://git@ssh.github.com:443/lab/flow.git", "https://github.com/lab/flow", "/tree/dev", "/commit/abc"),
        ("git://github.com/lab/flow.git", "https://github.com/lab/flow", "/tree/dev", "/commit/abc"),
        ("git+ssh://git@github.com/lab/flow.git", "https://github.com/lab/flow", "/tree/dev", "/commit/abc"),
        ("forgejo.lab:ada/flow.git", "https://forgejo.lab/ada/flow", "/src/dev", "/commit/abc"),
        ("https://lab.visualstudio.com/p/_git/flow", "https://lab.visualstudio.com/p/_git/flow", "?version=GBdev", "/commit/abc"),
        ("https://dev.azure.com/l/My%20P/_git/f", "https://dev.azure.com/l/My%20P/_git/f", "?version=GBdev", "/commit/abc"),
        ("https://lab@dev.azure.com/lab/p/_git/flow", "https://dev.azure.com/lab/p/_git/flow", "?version=GBdev", "/commit/abc"),
        ("git@ssh.dev.azure.com:v3/lab/p/flow", "https://dev.azure.com/lab/p/_git/flow", "?version=GBdev", "/commit/abc"),
    ],
)  # fmt: skip
def test_each_kind_of_host_by_its_own_form(repository: str, base: str, tree: str, commit: str) -> None:
    assert links(repository, "dev", "abc") == RepositoryLinks(base, base + tree, base + commit)
    assert links(repository, None, None) == RepositoryLinks(base)


def test_what_is_more_than_a_repository_gets_no_links_of_its_parts() -> None:
    for address in (
        "https://github.com/a/b/tree/dev",
        "https://codeberg.org/a/b/src/branch/x",
        "https://gitlab.com/a/b/-/tree/dev",
    ):
        assert links(address, "dev", "abc") == RepositoryLinks(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/flow",
        "https://git-codecommit-fips.eu-west-1.amazonaws.com/v1/repos/flow",
        "ssh://KEY@git-codecommit.eu-west-1.amazonaws.com/v1/repos/flow",
        "codecommit::eu-west-1://flow",
        "codecommit::eu-west-1://lab@flow",
    ],
)
def test_codecommit_is_shown_in_the_console_of_its_region(address: str) -> None:
    found = links(address, "dev", "abc")
    region = "?region=eu-west-1"
    assert found == RepositoryLinks(
        f"{CONSOLE}/browse{region}",
        f"{CONSOLE}/browse/refs/heads/dev{region}",
        f"{CONSOLE}/commit/abc{region}",
    )


def test_what_looks_like_a_version_is_taken_for_a_tag() -> None:
    assert str(links("https://dev.azure.com/l/p/_git/f", "v1.2.0", None).revision).endswith(
        "?version=GTv1.2.0"
    )


def test_a_host_of_unknown_kind_gets_a_link_to_the_repository_alone_unless_a_setting_tells() -> None:
    address = "https://git.lab.example/lab/flow"
    assert links(address + ".git", "dev", "abc") == RepositoryLinks(address)
    kinds = Settings(repository_hosts="git.lab.example=gitlab").repository_kinds
    assert links(address, "dev", None, kinds).revision == address + "/-/tree/dev"
    assert set(_PAGES) == set(REPOSITORY_KINDS)


@pytest.mark.parametrize(
    "repository",
    [None, "", "/data/flow", "javascript:alert(1)", "https://github.com", "https://github.com/a/../b", "https://[/a/b", "file://h/a/b",
     "file:/home/ada/flow/.git", 'https://github.com/a/b"onclick=x', "https://evil@github.com@x /a/b",
     "https://x:99999/a/b", "a:b",
     "C:/Users/ada/flow", r"C:\Users\ada\flow", "d:work/flow/main", "file:/home/ada/flow", "FILE:home/ada/flow",
     r"\\server\share\flow",
     "ada@host.example:/srv/git/flow.git", "ssh://ada@host.example/home/ada/flow.git", "ada@host.example:~ada/git/flow.git"],
)  # fmt: skip
def test_what_is_no_web_address_is_not_linked_to(repository: str | None) -> None:
    assert links(repository, "dev", "abc") == RepositoryLinks()


def test_a_revision_stays_within_its_address() -> None:
    assert links("https://github.com/a/b", "x?y#z", None).revision == "https://github.com/a/b/tree/x%3Fy%23z"
    assert links("https://github.com/a/b", None, "../..").commit == "https://github.com/a/b/commit/..%2F.."
