"""Web addresses of a repository, its revision and its commit, from what a runner calls the repository. Pure.

Runners give the address that git clones from; each kind of host shows the same repository under a form of its own:
GitHub https://docs.github.com/en/repositories, GitLab `/-/tree`, Bitbucket Data Center `/projects/P/repos/R` for `/scm/P/R.git`,
Gitea `/src`, Azure DevOps `?version=`, AWS CodeCommit in the console of its region.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_SCP = re.compile(
    r"(?:[A-Za-z0-9_.-]+@)?([A-Za-z0-9.-]+):(?!//)(?:([0-9]{2,5})/(?=[^/]+/))?/?(.+)", re.DOTALL
)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~+-]|%20)+){2,12}")
_CODECOMMIT = re.compile(r"git-codecommit(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_CODECOMMIT_HELPER = re.compile(r"codecommit::([a-z0-9-]+)://(?:[^/@]*@)?([A-Za-z0-9._-]+)")
_SERVER = re.compile(r"(.*)/(?:scm/([^/]+)|(?:projects|users)/([^/]+)/repos)/([^/]+)(?:/browse)?")
#: What `git` reads as a file of this machine, though it has the form HOST:PATH: a drive of Windows, and `file:` without slashes.
_OF_THIS_MACHINE = re.compile(r"[A-Za-z]:|file:", re.IGNORECASE)
#: Folders of a machine that is reached by ssh and has no web pages of its repositories.
_FOLDER = re.compile(r"/(?:srv|home|var|opt|mnt|usr|root|tmp|~[^/]*)/")
_VERSION = re.compile(r"v?[0-9]+(\.[0-9]+)+([-+.][0-9A-Za-z.-]+)?")

#: Ways to clone, and how the web page of the same is reached.
_SCHEMES = dict.fromkeys(("https", "ssh", "git", "git+ssh", "git+https", "ssh+git"), "https") | {
    "http": "http"
}
#: Hosts that serve ssh alone, where networks let nothing else through.
_SSH_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}
_SERVER_SSH_PORT = 7999


@dataclass(frozen=True, slots=True)
class RepositoryLinks:
    """Addresses; None where there is nothing to link to."""

    repository: str | None = None
    revision: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class _Clone:
    """Where git clones from: `site` is scheme, host and port of the web server, `path` begins with a slash."""

    site: str
    host: str
    path: str
    by_ssh: bool = False


def links(
    repository: str | None, revision: str | None, commit: str | None, hosts: Mapping[str, str] | None = None
) -> RepositoryLinks:
    """Where the repository, the revision and the commit can be looked at; `hosts` maps a host to its kind (REPOSITORY_KINDS).

    A host of unknown kind gets a link to the repository alone; what is no web address gets none.
    """
    clone = _parsed((repository or "").strip())
    if clone is None:
        return RepositoryLinks()
    kind = (hosts or {}).get(clone.host) or _kind(clone)
    if not kind and clone.by_ssh and _FOLDER.match(clone.path):
        return RepositoryLinks()
    pages = _PAGES.get(kind, _plain)(clone)
    if pages is None:
        return RepositoryLinks()
    base, tree, of_commit = pages
    return RepositoryLinks(
        repository=base,
        revision=tree(revision) if revision and tree else None,
        commit=of_commit.format(quote(commit, safe="")) if commit and of_commit else None,
    )


def _parsed(repository: str) -> _Clone | None:
    if helper := _CODECOMMIT_HELPER.fullmatch(repository):
        repository = f"https://git-codecommit.{helper[1]}.amazonaws.com/v1/repos/{helper[2]}"
    is_url = "://" in repository or _OF_THIS_MACHINE.match(repository)
    scp = None if is_url else _SCP.fullmatch(repository)
    text = f"ssh://{scp[1]}/{scp[3]}" if scp else repository
    try:
        url = urlsplit(text)
        host, port = (url.hostname or "").lower(), url.port
    except ValueError:
        return None
    scheme = _SCHEMES.get(url.scheme)
    path = url.path.rstrip("/").removesuffix(".git")
    if scheme is None or not _HOST.fullmatch(host) or not _PATH.fullmatch(path):
        return None
    if any(part in (".", "..") for part in path.split("/")):
        return None
    host = _SSH_HOSTS.get(host, host)
    if url.scheme == "ssh" and port == _SERVER_SSH_PORT:
        path = "/scm" + path
    # The port of ssh is not that of the web server.
    at = f"{host}:{port}" if port and url.scheme in ("http", "https") else host
    return _Clone(f"{scheme}://{at}", host, path, by_ssh="ssh" in url.scheme)


def _kind(clone: _Clone) -> str:
    """What the address itself tells: github.com, a lab's github.lab.org, a form of path that only one kind has."""
    own_bitbucket = clone.host.startswith("bitbucket.") and clone.host != "bitbucket.org"
    if own_bitbucket or _SERVER.fullmatch(clone.path):
        return "bitbucket-server"
    if _CODECOMMIT.fullmatch(clone.host):
        return "codecommit"
    if clone.host.endswith(("dev.azure.com", ".visualstudio.com")) or "/_git/" in clone.path:
        return "azure"
    for kind in ("github", "gitlab", "bitbucket", "gitea", "forgejo"):
        public = (f"{kind}.com", f"{kind}.org")
        own = clone.host.startswith(f"{kind}.") and not clone.host.startswith(tuple(f"{k}." for k in public))
        if clone.host in public or own:
            return "gitea" if kind == "forgejo" else kind
    return "gitea" if clone.host == "codeberg.org" else ""


_Pages = tuple[str, Callable[[str], str] | None, str | None]


def _plain(clone: _Clone) -> _Pages:
    return clone.site + clone.path, None, None


def _with(tree: str, commit: str, segments: int = 2) -> Callable[[_Clone], _Pages]:
    """`segments`: how many a repository has on such a host, 0 for any number."""

    def pages(clone: _Clone) -> _Pages:
        base = clone.site + clone.path
        if segments not in (0, clone.path.count("/")) or "/-/" in clone.path:
            return _plain(clone)
        return base, lambda revision: base + tree + quote(revision), base + commit + "{}"

    return pages


def _bitbucket_server(clone: _Clone) -> _Pages | None:
    match = _SERVER.fullmatch(clone.path) or re.fullmatch(r"()/([^/]+)()/([^/]+)", clone.path)
    if match is None:
        return _plain(clone)
    context, name = match[1], match[4]
    owner = match[2] or match[3]
    of_user = owner.startswith("~") or "/users/" in clone.path
    folder = f"{context}/users/{owner.lstrip('~')}" if of_user else f"{context}/projects/{owner.upper()}"
    base = f"{clone.site}{folder}/repos/{name}"
    return base, lambda revision: f"{base}/browse?at={quote(revision, safe='')}", base + "/commits/{}"


def _azure(clone: _Clone) -> _Pages | None:
    path, site = clone.path, clone.site
    if clone.host in ("ssh.dev.azure.com", "vs-ssh.visualstudio.com"):  # v3/ORGANISATION/PROJECT/REPOSITORY
        parts = path.strip("/").split("/")
        if len(parts) != 4:
            return None
        site, path = "https://dev.azure.com", f"/{parts[1]}/{parts[2]}/_git/{parts[3]}"
    base = site + path

    def tree(revision: str) -> str:
        # The address says whether it is a branch or a tag; what looks like a version is taken for a tag.
        return f"{base}?version={'GT' if _VERSION.fullmatch(revision) else 'GB'}{quote(revision, safe='')}"

    return base, tree, base + "/commit/{}"


def _codecommit(clone: _Clone) -> _Pages | None:
    match = _CODECOMMIT.fullmatch(clone.host)
    name = clone.path.removeprefix("/v1/repos/")
    if match is None or "/" in name:
        return None
    console = "amazonaws.cn" if match[2] else "aws.amazon.com"
    base = f"https://{match[1]}.console.{console}/codesuite/codecommit/repositories/{name}"
    region = f"?region={match[1]}"

    def tree(revision: str) -> str:
        kind = "tags" if _VERSION.fullmatch(revision) else "heads"
        return f"{base}/browse/refs/{kind}/{quote(revision)}{region}"

    return f"{base}/browse{region}", tree, base + "/commit/{}" + region


_PAGES: Mapping[str, Callable[[_Clone], _Pages | None]] = {
    "github": _with("/tree/", "/commit/"),
    "gitlab": _with("/-/tree/", "/-/commit/", segments=0),
    "bitbucket": _with("/src/", "/commits/"),
    "gitea": _with("/src/", "/commit/"),
    "bitbucket-server": _bitbucket_server,
    "azure": _azure,
    "codecommit": _codecommit,
}
