"""Secrets never reach the log, wherever they are planted; what is none is kept."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.redaction import payloads, text
from ingest.redaction.names import Secrecy, secrecy
from tests.support.examples import examples
from tests.support.ingest import Edge, dead_letter, trace

SECRET_NAMES = [
    "API_KEY",
    "accessKey",
    "LAB_TOKEN",
    "authtoken",
    "MYSQLPASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "x-api-key",
    "HTTPToken",
    "oauth2",
    "token2",
    "DB_PASS",
    "passwd",
    "client_secret",
    "tower.accessToken",
    "apikey",
    "sshkey",
    "credentials",
    "privateKey",
]
OTHER_NAMES = [
    "key",
    "sort_key",
    "primary_key",
    "genome_keys",
    "max_tokens",
    "qc_pass",
    "secretome",
    "author",
    "authority",
    "keyframe",
    "tokenizer_path",
    "monkey",
    "turkey",
    "PWD",
    "pass",
    "first_passage",
    "LAB_MODE",
    "genome",
    "compass",
    "keyboard",
    "outdir",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_names_that_are_secret(name: str) -> None:
    assert secrecy(name) is Secrecy.ALL and Secrecy.ALL is secrecy(
        name.upper().replace("ACCESSTOKEN", "ACCESS_TOKEN")
    )


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_names_that_are_not(name: str) -> None:
    assert secrecy(name) is not Secrecy.ALL


def test_the_rich_trace() -> None:
    edge = Edge()
    for r in trace("rich"):
        edge.send(r["method"], r["path"], r["body"])
    message = b"".join(r.value for r in edge.log.records)
    assert b"not-a-real-token" in json.dumps(trace("rich")).encode() and b"not-a-real-token" not in message
    assert b"LAB_TOKEN=[redacted]\\nLAB_MODE=[secure]\\n" in message and b"LAB_MODE = 'x'" in message


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("run x --token abc -resume", "run x --token [redacted] -resume"),
        ("--password=p:q --author me", "--password=[redacted] --author me"),
        ("LAB_TOKEN=z LAB_MODE=x run", "LAB_TOKEN=[redacted] LAB_MODE=x run"),
        ("--token 'a b' c", "--token [redacted] c"),
        ("--use-token --outdir x", "--use-token --outdir x"),
        ("-with-tower 'http://u:p@h/api'", "-with-tower 'http://***@h/api'"),
        ("git@host:x/y http://h:80/a@b", "git@host:x/y http://h:80/a@b"),
        ("http://u:p/q@h/x http://u:p@q@h", "http://***@h/x http://***@h"),
        ("docker://img:1.2@sha256:ab", "docker://img:1.2@sha256:ab"),
        ("https://h/x?sig=abc&y=1", "https://h/x?sig=[redacted]&y=1"),
        ('curl -H "Authorization: Bearer a.b"', 'curl -H "Authorization: [redacted]"'),
        ('--opts="--api-key=z y"', '--opts="--api-key=[redacted] y"'),
        ("x -----BEGIN RSA PRIVATE KEY-----\nA\nB", "x [redacted]"),
        ("samtools sort in.bam", "samtools sort in.bam"),
    ],
)
def test_command_lines(told: str, kept: str) -> None:
    assert text.text(told) == kept == text.text(kept)


def test_scripts_keep_what_is_no_secret() -> None:
    told = "sort --key=2 x\nfoo --token $TOKEN\nexport API_KEY=abc\nkey=$(basename x)"
    assert text.script(told) == told.replace("abc", "[redacted]")


def test_a_run_whose_person_put_secrets_everywhere() -> None:
    """Every secret of it has `hunter` in it (one in base64); what people need stays."""
    edge = Edge()
    for r in trace(Path(__file__).with_name("secrets_told.jsonl.gz")):
        edge.send(r["method"], r["path"].replace("/trace/x/", "/trace/run1/"), r["body"])
    message = b"".join(r.value for r in edge.log.records).lower()
    assert b"hunter" not in message and b"ahvudgvybglj" not in message
    for kept in (
        b'"max_tokens":4096',
        b'"sort_key":"chrom"',
        b'"genome_keys":["hg38"]',
        b"towerworkspaceid:1",
    ):
        assert kept in message, kept
    for kept in (b"address = 'mm.example.org'", b"sort_key = 'chrom'", b"--input s3://b/in.csv -resume"):
        assert kept in message, kept


def test_configuration() -> None:
    told = """aws {
   accessKey = 'a b'
   client {
      proxyPassword = "q"
   }
}
credentials {
   user = 'z'
   deep {
      y = 2
   }
}
process {
   resourceLabels = [team:'g', token:'x, y', cost:'low']
   withName:'A:B' {
      cpus = 1
   }
}
tower.accessToken = 'it's one'
privateKey = 'a
b'
author = 'me'
"""
    kept = """aws {
   accessKey = [redacted]
   client {
      proxyPassword = [redacted]
   }
}
credentials {
   [redacted]
   deep {
      [redacted]
   }
}
process {
   resourceLabels = [team:'g', token:[redacted], cost:'low']
   withName:'A:B' {
      cpus = 1
   }
}
tower.accessToken = [redacted]
privateKey = [redacted]
author = 'me'
"""
    assert text.config(told) == kept == text.config(kept)


def test_params_are_redacted_by_name_at_any_depth() -> None:
    told = {
        "a": [{"db_password": "x", "n": 1}],
        "token": {"deep": "x"},
        "use_key": True,
        "auth": None,
        "u": "s3://a:x@b",
    }
    assert payloads.value(told) == {
        "a": [{"db_password": "[redacted]", "n": 1}],
        "token": "[redacted]",
        "use_key": True,
        "auth": None,
        "u": "s3://***@b",
    }


def test_a_value_of_several_lines_in_env() -> None:
    assert text.env("A_TOKEN=x\ny=\nB=1") == "A_TOKEN=[redacted]\ny=\nB=1"
    assert text.env("A_TOKEN=x\n y z\n\nB=1\n") == "A_TOKEN=[redacted]\n\nB=1\n"


SECRET = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/._~-", min_size=1).map(
    lambda s: f"Zq7{s}9"
)
NAME = st.sampled_from(SECRET_NAMES)
NOISE = st.text(max_size=30)


@given(NAME, SECRET, NOISE, NOISE)
@settings(max_examples=examples(300), deadline=None)
def test_a_planted_secret_never_survives(name: str, secret: str, before: str, after: str) -> None:
    env = f"{before.replace('=', '')}\n{name}={secret}\nAFTER={after}"
    line = f"{before.replace(chr(39), '').replace(chr(34), '')} --{name} {secret} {name}={secret} x://u:{secret}@h"
    config = f"a {{\n   {name} = '{secret}'\n   m = [a:'b', {name}:'{secret}']\n}}\n"
    workflow = {
        "runName": after,
        "repository": f"https://u:{secret}@h/r",
        "commandLine": line,
        "configText": config,
        "params": {after: 1, "deep": [{name: secret}], "url": f"x://u:{secret}@h"},
        "errorReport": f"{before}\nexport {name}={secret}",
        "errorMessage": f"cannot reach https://u:{secret}@h",
        "success": False,
    }
    task = {
        "taskId": 1,
        "status": "RUNNING",
        "env": env,
        "script": f"x --{name}={secret}",
        "container": f"a://u:{secret}@h",
    }
    bodies: list[tuple[str, Any]] = [
        ("begin", {"workflow": workflow}),
        ("complete", {"workflow": workflow}),
        ("progress", {"tasks": [task]}),
        ("progress", {"tasks": [task | {"attempt": "x", "env": [env], "memory": {name: secret}}]}),
        ("progress", {"tasks": [{name: secret}], "progress": {"running": f"{name}={secret}"}}),
        ("explode", {"workflow": workflow, "tasks": [task]}),
    ]
    edge = Edge()
    for verb, body in bodies:
        edge.send("PUT", f"/trace/run1/{verb}", body)
    edge.send("PUT", "/trace/run1/progress", json.dumps({name: secret}).encode()[:-1])
    edge.send(
        "POST",
        "/v1/events",
        {"type": "run.begun", "run_id": "r", "data": {"workflow": {"params": {name: secret}}}},
    )
    for event, _ in edge.events:
        if event.type == "request.unreadable":
            assert secret.encode() not in dead_letter(event)
    assert secret.encode() not in b"".join(r.value for r in edge.log.records)


@given(st.text(st.sampled_from("token=: -\"'[]{}\nkey$/@a,\\"), max_size=60))
@settings(max_examples=examples(250))
def test_redacting_twice_is_redacting_once(told: str) -> None:
    for f in (text.text, text.script, text.config, text.env, text.url, payloads.value):
        assert f(f(told)) == f(told)
