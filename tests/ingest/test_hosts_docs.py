"""How docs/cost.md lets machines announce themselves: its script and its DaemonSet, run beside stand-ins for AWS and the cluster.

What they send must be accepted.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ingest import Edge

PAGE = (Path(__file__).parents[2] / "docs" / "cost.md").read_text("utf-8")
#: It keeps what is posted, and answers as AWS's metadata do where there is an AWS.
CURL = """#!/bin/sh
for word; do case "$word" in
*/api/token) [ -n "$AWS" ] && echo token; exit $?;;
*/instance-type) echo m5.4xlarge; exit;;
*/availability-zone) echo us-east-1b; exit;;
*/instance-life-cycle) echo spot; exit;;
@-) cat > "$SENT"; exit;;
'{'*) printf %s "$word" > "$SENT"; exit 22;;
esac; done
"""
#: `kubectl get node NAME -o go-template=…` of the node of $OBJECT: names of fields, and labels that may be missing.
KUBECTL = r"""#!/usr/bin/env python3
import functools, json, os, re, sys
node = json.loads(os.environ["OBJECT"])
[template] = [a.split("=", 1)[1] for a in sys.argv if a.startswith("go-template=")]
label = r'{{with index \.metadata\.labels "([^"]+)"}}{{\.}}{{end}}'
text = re.sub(label, lambda m: node["metadata"]["labels"].get(m[1], ""), template)
print(re.sub(r"{{\.([\w.]+)}}", lambda m: functools.reduce(dict.__getitem__, m[1].split("."), node), text))
"""


def block(kind: str, beginning: str) -> str:
    [text] = [t for t in re.findall(rf"^```{kind}\n(.+?)^```", PAGE, re.M | re.S) if t.startswith(beginning)]
    return str(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("curl", CURL), ("kubectl", KUBECTL), ("sleep", "#!/bin/sh\nkill $PPID\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(folder: Path, script: str, **env: str) -> tuple[int, dict[str, Any]]:
    """Its status, and the host in what it posted, which must be accepted."""
    path = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SENT": str(folder / "sent"),
        "TRACKER_SERVER": "http://x",
    }
    done = subprocess.run(
        ["sh", "-c", script], env=path | env, capture_output=True, text=True, timeout=60, check=False
    )
    sent = (folder / "sent").read_bytes()
    answer = Edge().request("POST", "/v1/events", content=sent)
    assert answer.status_code == 200, (answer.text, sent, done.stderr)
    return done.returncode, json.loads(sent)["data"]


def booted() -> int:
    """When this machine did, in s since 1970."""
    [line] = re.findall(r"^btime (\d+)", Path("/proc/stat").read_text(), re.M)
    return int(line)


def test_the_script(folder: Path) -> None:
    (folder / "tracker.env").write_text("TRACKER_SERVER=http://x\nTRACKER_TOKEN=t\n")
    script = block("sh", "#!/bin/sh").replace("/etc/tracker.env", str(folder / "tracker.env"))
    status, host = run(folder, script, AWS="yes", TZ="Asia/Tokyo")
    assert status == 0, "whatever became of it, as Slurm drains a node whose prolog fails"
    known = [host[k] for k in ("machine_type", "zone", "price_model", "hostname")]
    assert known == ["m5.4xlarge", "us-east-1b", "spot", os.uname().nodename]
    assert host["cpus"] >= 1 and host["memory_bytes"] > 2**20
    moment = subprocess.run(
        ["date", "-d", host["from"], "+%s"], capture_output=True, text=True, check=True
    ).stdout
    assert abs(int(moment) - booted()) <= 1, "in UTC, whatever the machine's zone"


def test_the_script_on_a_machine_of_ones_own_and_in_a_prolog_of_slurm(folder: Path) -> None:
    (folder / "tracker.env").write_text("MACHINE=our-node\n")
    script = block("sh", "#!/bin/sh").replace("/etc/tracker.env", str(folder / "tracker.env"))
    _, host = run(folder, script, SLURMD_NODENAME="n17")
    assert [host[k] for k in ("hostname", "machine_type", "zone", "price_model")] == [
        "n17",
        "our-node",
        "",
        "",
    ]
    (folder / "tracker.env").write_text("")
    assert run(folder, script)[1]["machine_type"] == "", "it pays flat rates"


def test_the_daemon_set(folder: Path) -> None:
    account, role, binding, daemons = yaml.safe_load_all(block("yaml", "apiVersion"))
    pod = daemons["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["serviceAccountName"] == account["metadata"]["name"] == binding["subjects"][0]["name"]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert daemons["spec"]["selector"]["matchLabels"] == daemons["spec"]["template"]["metadata"]["labels"]
    assert container["command"] == ["sh", "-c"]
    labels = {"node.kubernetes.io/instance-type": "m5.4xlarge", "eks.amazonaws.com/capacityType": "SPOT"}
    node = {
        "metadata": {"name": "ip-10-1-7-33", "creationTimestamp": "2026-11-24T18:40:00Z", "labels": labels},
        "status": {"capacity": {"cpu": "16"}},
    }
    _, host = run(folder, container["args"][0], NODE="ip-10-1-7-33", OBJECT=json.dumps(node))
    assert host == {
        "hostname": "ip-10-1-7-33",
        "machine_type": "m5.4xlarge",
        "zone": "",
        "price_model": "SPOT",
        "cpus": 16,
        "from": "2026-11-24T18:40:00Z",
    }
