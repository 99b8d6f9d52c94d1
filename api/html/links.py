"""Links to where a repository or an S3 folder lives. Pure. A runner's word is no address: only known hosts are linked to."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

#: Path of a revision and of a commit, by kind of host.
_PATHS = {
    "github": ("/tree/{}", "/commit/{}"),
    "gitlab": ("/-/tree/{}", "/-/commit/{}"),
    "bitbucket": ("/src/{}", "/commits/{}"),
}
_SSH = re.compile(r"(?:ssh://)?git@([A-Za-z0-9.-]+)[:/](.+)")
_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.{0,1024}))?", re.DOTALL)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~+-]+){2,12}")


@dataclass(frozen=True, slots=True)
class RepositoryLinks:
    """Addresses; None where there is nothing to link to."""

    repository: str | None = None
    revision: str | None = None
    commit: str | None = None


def links(repository: str | None, revision: str | None, commit: str | None) -> RepositoryLinks:
    """Where the repository, the revision and the commit can be looked at."""
    base, kind = _base(repository or "")
    if base is None:
        return RepositoryLinks()
    tree, commits = _PATHS[kind]
    return RepositoryLinks(
        repository=base,
        revision=base + tree.format(quote(revision)) if revision else None,
        commit=base + commits.format(quote(commit, safe="")) if commit else None,
    )


def s3_link(path: str | None, browser: str) -> str | None:
    """Where the S3 folder can be looked at: `browser` is the setting `s3_browser`. None for what is no s3://bucket/prefix."""
    found = _S3.fullmatch(path or "")
    if not browser or not found or ".." in found[1]:
        return None
    prefix = (found[2] or "").strip("/")
    if any(part in (".", "..") for part in prefix.split("/")):
        return None
    folder = quote(f"{prefix}/", errors="replace") if prefix else ""
    return browser.replace("{bucket}", found[1]).replace("{prefix}", folder)


def _base(repository: str) -> tuple[str | None, str]:
    if found := _SSH.fullmatch(repository.strip()):
        repository = f"https://{found[1]}/{found[2]}"
    try:
        url = urlsplit(repository.strip())
        host, port = (url.hostname or "").lower(), url.port
    except ValueError:
        return None, ""
    kind = next((k for k in _PATHS if _is_of(host, k)), None)
    path = url.path.rstrip("/").removesuffix(".git")
    if kind is None or url.scheme not in ("https", "http") or port or not _PATH.fullmatch(path):
        return None, ""
    if any(part in (".", "..") for part in path.split("/")) or not re.fullmatch(r"[a-z0-9.-]+", host):
        return None, ""
    return f"https://{host}{path}", kind


def _is_of(host: str, kind: str) -> bool:
    """github.com, or a lab's own github.lab.org; not github.com.evil.org, which only looks like one."""
    known = (f"{kind}.com", f"{kind}.org")
    return host in known or (
        host.startswith(f"{kind}.") and not host.startswith(tuple(f"{k}." for k in known))
    )
