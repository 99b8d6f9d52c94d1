"""The shapes of secrets that need no name: what services issue begins in their own way, so that it can be recognised.

Data: a literal that must be in the text (looked for first, which costs next to nothing), and the pattern. Of a
pattern with a group the group stays. Each begins at a literal or a word's edge and has possessive or bounded
repeats, so that hostile text costs linear time.
"""

import re
from collections.abc import Sequence
from itertools import groupby

HIDDEN = "[redacted]"

_EDGE = r"(?<![A-Za-z0-9])"
_IN_URL = r"(?!\[redacted\])[^\s'\"<>\\)\]},;]++"

#: Literal: pattern. What the services document of their tokens.
SHAPES: tuple[tuple[str, str], ...] = (
    ("AKIA", _EDGE + r"AKIA[A-Z0-9]{16}(?![A-Z0-9])"),  # Amazon: long-lived, then temporary, bearer, context
    ("ASIA", _EDGE + r"ASIA[A-Z0-9]{16}(?![A-Z0-9])"),
    ("ABIA", _EDGE + r"ABIA[A-Z0-9]{16}(?![A-Z0-9])"),
    ("ABSK", _EDGE + r"ABSK[A-Za-z0-9+/=]{40,}+"),
    ("ghp_", _EDGE + r"ghp_[A-Za-z0-9]{20,}+"),  # GitHub: personal, OAuth, user, server, refresh
    ("gho_", _EDGE + r"gho_[A-Za-z0-9]{20,}+"),
    ("ghu_", _EDGE + r"ghu_[A-Za-z0-9]{20,}+"),
    ("ghs_", _EDGE + r"ghs_[A-Za-z0-9]{20,}+"),
    ("ghr_", _EDGE + r"ghr_[A-Za-z0-9]{20,}+"),
    ("github_pat_", _EDGE + r"github_pat_[A-Za-z0-9_]{20,}+"),
    ("gl", _EDGE + r"gl(?:pat|ptt|rt|dt|soat|ft|cbt|agent|imt|oas)-[A-Za-z0-9_\-]{16,}+"),  # GitLab
    ("hf_", _EDGE + r"hf_[A-Za-z0-9]{30,}+"),  # Hugging Face
    (
        "sk-",
        r"(?<![A-Za-z0-9_\-])sk-(?:(?:proj|ant|svcacct|admin|or|live|None)-[A-Za-z0-9_\-]{16,}+"
        r"|(?=[A-Za-z]*+[0-9])(?=[0-9]*+[A-Za-z])[A-Za-z0-9]{20,}+)",
    ),  # OpenAI, Anthropic, OpenRouter and who speaks as they do
    ("xox", _EDGE + r"xox[a-z]-[A-Za-z0-9\-]{8,}+"),  # Slack
    ("xapp-", _EDGE + r"xapp-[0-9]-[A-Za-z0-9\-]{8,}+"),
    ("eyJ", r"(?<![\w\-])eyJ[\w\-]{8,}+(?:\.[\w\-]{6,}+)(?:\.[\w\-]*+){0,3}"),  # JSON web tokens
    ("eyJ0aWQ", r"(?<![\w\-])eyJ0aWQ[\w\-+/]{12,}+=*+"),  # Seqera Platform
    ("trk_", _EDGE + r"trk_[A-Za-z0-9_\-]{20,}+"),  # our own
    ("AIza", _EDGE + r"AIza[\w\-]{30,}+"),  # Google
    ("ya29.", _EDGE + r"ya29\.[\w\-]{20,}+"),
    ("GOCSPX-", _EDGE + r"GOCSPX-[\w\-]{20,}+"),
    ("k_live_", _EDGE + r"[prs]k_live_[A-Za-z0-9]{10,}+"),  # Stripe
    ("k_test_", _EDGE + r"[prs]k_test_[A-Za-z0-9]{10,}+"),
    ("whsec_", _EDGE + r"whsec_[A-Za-z0-9+/=]{20,}+"),
    ("npm_", _EDGE + r"npm_[A-Za-z0-9]{30,}+"),
    ("pypi-", _EDGE + r"pypi-[\w\-]{40,}+"),
    ("dckr_", _EDGE + r"dckr_[a-z]{2,5}_[\w\-]{20,}+"),  # Docker Hub
    ("SG.", _EDGE + r"SG\.[\w\-]{16,}+\.[\w\-]{16,}+"),  # SendGrid
    ("hvs.", _EDGE + r"hvs\.[\w\-]{20,}+"),  # HashiCorp Vault
    ("ATATT3", _EDGE + r"ATATT3[\w\-=]{20,}+"),  # Atlassian
    ("ATBB", _EDGE + r"ATBB[A-Za-z0-9]{24,}+"),
    ("glsa_", _EDGE + r"glsa_[A-Za-z0-9]{20,}+_[a-f0-9]{8}"),  # Grafana
    ("nvapi-", _EDGE + r"nvapi-[\w\-]{30,}+"),  # NVIDIA
    ("gsk_", _EDGE + r"gsk_[A-Za-z0-9]{30,}+"),
    ("dop_v1_", _EDGE + r"dop_v1_[a-f0-9]{40,}+"),  # DigitalOcean
    ("dapi", _EDGE + r"dapi[a-f0-9]{32}(?:-\d)?(?![A-Za-z0-9])"),  # Databricks
    ("tskey-", _EDGE + r"tskey-[a-z]++-[A-Za-z0-9\-]{16,}+"),
    ("lin_api_", _EDGE + r"lin_api_[A-Za-z0-9]{20,}+"),
    ("shp", _EDGE + r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{20,}+"),
    (":AA", r"(?<![0-9])[0-9]{8,10}:AA[\w\-]{32,34}(?![\w\-])"),  # Telegram
    ("Bearer ", r"(\bBearer )(?=[A-Za-z]*+[\d._\-+/=])(?!\[redacted\])[\w.~+/=\-]{12,}+"),
    ("hooks.slack", r"(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/)" + _IN_URL),
    ("/webhook", r"(\boutlook\.office(?:365)?\.com/webhook/|\.webhook\.office\.com/webhookb2/)" + _IN_URL),
    ("/api/webhooks/", r"(\bdiscord(?:app)?\.com/api/webhooks/)" + _IN_URL),
    ("hooks.zapier.com", r"(\bhooks\.zapier\.com/hooks/catch/)" + _IN_URL),
    ("/hooks/", r"(/hooks/)[a-z0-9]{26}(?![a-z0-9])"),  # Mattermost
)

_COMPILED = tuple((literal, re.compile(pattern)) for literal, pattern in SHAPES)


def _any_of(words: Sequence[str]) -> str:
    """A pattern for any of the words, as a tree by their first characters: it is searched for in half the time of a list."""
    if "" in words:
        return ""
    branches = [re.escape(c) + _any_of([w[1:] for w in ws]) for c, ws in groupby(words, lambda w: w[0])]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


_ANY = re.compile(_any_of(sorted({literal for literal, _ in SHAPES})))

_BLOCK = re.compile(
    r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
    r".*?(?:-{4,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}|\Z)",
    re.DOTALL,
)
_PUTTY = re.compile(r"(PuTTY-User-Key-File-\d: )(?!\[redacted\]).*?(?:Private-MAC: \w++|\Z)", re.DOTALL)


def may_hold_shapes(text: str) -> bool:
    """Whether one of the literals is in the text; without any there is nothing to hide."""
    return _ANY.search(text) is not None


def hide_shapes(text: str) -> str:
    """The text without the secrets that are known by their shape."""
    if may_hold_shapes(text):
        for literal, pattern in _COMPILED:
            if literal in text:
                text = pattern.sub(rf"\1{HIDDEN}" if pattern.groups else HIDDEN, text)
    return text


def hide_key_blocks(text: str) -> str:
    """The text without private keys in PEM, OpenPGP, SSH2 and PuTTY's form, however long."""
    if "PRIVATE KEY" in text:
        text = _BLOCK.sub(HIDDEN, text)
    return _PUTTY.sub(rf"\1{HIDDEN}", text) if "PuTTY-User-Key-File-" in text else text
