"""Makes the bundled price book, `projections/costs/data/us-east-1.json`, of two files that their licences let us use.

    python dev/price_book.py KARPENTER_ZIP MOTO_WHEEL

KARPENTER_ZIP: the Go module github.com/aws/karpenter-provider-aws (Apache-2.0), for on-demand Linux prices of us-east-1.
MOTO_WHEEL: the wheel of moto (Apache-2.0), for the vCPUs and the memory of each type. Types without a size are left out.
"""

import gzip
import json
import re
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

TARGET = Path(__file__).parents[1] / "projections" / "costs" / "data" / "us-east-1.json"
PRICES = "pkg/providers/pricing/zz_generated.pricing_aws.go"
SIZES = "moto/ec2/resources/instance_types.json.gz"


def main(karpenter: str, moto: str) -> None:
    with zipfile.ZipFile(karpenter) as archive:
        [name] = [n for n in archive.namelist() if n.endswith(PRICES)]
        text = archive.read(name).decode()
    module = re.match(r"(.+)@(v[\d.]+)/", name)
    date = re.search(r"generated at (\d{4}-\d\d-\d\d)T\S+ for us-east-1", text)
    assert module and date, "not the file of prices that this script knows"
    with zipfile.ZipFile(moto) as archive:
        sizes = json.loads(gzip.decompress(archive.read(SIZES)))
    prices = {n: Decimal(p).normalize() for n, p in re.findall(r'"([\w.-]+)": ([\d.]+)[,}]', text)}
    assert all(p > 0 for p in prices.values())
    families: dict[str, dict[str, list[object]]] = {}
    for name, price in sorted(prices.items()):
        if name not in sizes:
            continue
        size = sizes[name]
        machine = [size["VCpuInfo"]["DefaultVCpus"], size["MemoryInfo"]["SizeInMiB"], f"{price:f}"]
        families.setdefault(name.split(".")[0], {})[name] = machine
    lines = [json.dumps(f, separators=(",", ":")) for f in families.values()]
    version = re.search(r"moto-([\d.]+)-", Path(moto).name)
    head = {
        "source": "AWS on-demand list prices, Linux",
        "region": "us-east-1",
        "date": date[1],
        "currency": "USD",
        "attribution": f"Prices: {module[1]} {module[2]}, {PRICES}. vCPUs and MiB: moto {version[1] if version else ''}. "
        "Both under the Apache License 2.0; converted by dev/price_book.py.",
        "unit": "type: [vCPUs, MiB, USD an hour]",
    }
    body = json.dumps(head, indent=1)[:-2] + ',\n "machines": [\n' + ",\n".join(lines) + "\n]}\n"
    json.loads(body)
    TARGET.write_text(body)
    kept = sum(map(len, families.values()))
    print(f"{kept} types of {len(prices)}; without a size: {', '.join(sorted(prices.keys() - sizes.keys()))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
