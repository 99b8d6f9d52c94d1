"""Prints how the packages hang together: `python dev/rooms.py [CHECKOUT]`, or `make rooms`.

A room is a folder of modules. An import inside a function counts as any other. Exit code 1 if there is a circle among modules, an
import of a higher layer or of a stage beside, or a capability of `api` that imports more of another than `queries` and
`models`. Long files and full folders are printed only.
"""

import argparse
import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

#: Package → layer; an import goes to a lower one, or stays in its package.
LAYERS = {"tracker": 3, "ingest": 2, "projections": 2, "api": 2, "stores": 1, "schemas": 0}
#: What every capability of `api` may import whole. It imports at most the models of capabilities, which are types alone.
FOUNDATION = {"core", "auth", "html", "static"}
MOST_FILES = 16
MOST_LINES = 400

Graph = Mapping[str, set[str]]


def modules(checkout: Path) -> dict[str, Path]:
    """Dotted name → file; a package goes by its own name."""
    files = [f for package in LAYERS for f in sorted((checkout / package).rglob("*.py"))]
    return {
        ".".join(f.relative_to(checkout).with_suffix("").parts).removesuffix(".__init__"): f for f in files
    }


def imports(known: Mapping[str, Path]) -> dict[str, set[str]]:
    """Module → the modules that it imports anywhere in its text. The packages around itself are left out."""
    graph = {}
    for module, file in known.items():
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        found = {_longest(name, known) for name in _names(ast.parse(file.read_bytes()), package)}
        graph[module] = {x for x in found if x and not f"{module}.".startswith(f"{x}.")}
    return graph


def _names(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            around = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*around, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _longest(name: str, known: Mapping[str, Path]) -> str:
    """The module that the name belongs to; empty if it is none of ours."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def circles(graph: Graph) -> list[list[str]]:
    """The groups of modules of which each reaches all others."""
    reach = {module: _reachable(graph, module) for module in graph}
    groups = {tuple(sorted(x for x in reach[m] if m in reach[x])) for m in graph if m in reach[m]}
    return [list(group) for group in sorted(groups)]


def _reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += graph[module]
    return seen


def upward(graph: Graph) -> list[tuple[str, str]]:
    """Imports of a higher layer, or of another package on the same."""
    return [
        (one, other)
        for one, other in _edges(graph)
        if _top(one) != _top(other) and LAYERS[_top(one)] <= LAYERS[_top(other)]
    ]


def crossings(graph: Graph) -> list[tuple[str, str]]:
    """Imports into a capability of `api` from outside of it, of more than it shares. `api.app` knows them all."""
    capabilities = {m.split(".")[1] for m in graph if m.startswith("api.") and m.count(".") > 1} - FOUNDATION

    def crosses(one: str, other: str) -> bool:
        if one == "api.app" or not (one.startswith("api.") and other.startswith("api.")):
            return False
        here, (there, *rest) = one.split(".")[1], other.split(".")[1:]
        shared = rest[:1] == ["models"] or (here not in FOUNDATION and rest[:1] == ["queries"])
        return there in capabilities - {here} and not shared

    return [edge for edge in _edges(graph) if crosses(*edge)]


def _edges(graph: Graph) -> list[tuple[str, str]]:
    return sorted((one, other) for one, others in graph.items() for other in others)


def _top(module: str) -> str:
    return module.partition(".")[0]


def report(checkout: Path) -> bool:
    """Print everything; whether all is as it must be."""
    known = modules(checkout)
    graph = imports(known)
    room = {m: str(f.parent.relative_to(checkout)) for m, f in known.items()}
    lines = {m: len(f.read_text("utf-8").splitlines()) for m, f in known.items()}
    between = [(one, other) for one, other in _edges(graph) if room[one] != room[other]]
    for name, files in sorted(Counter(room.values()).items()):
        size = sum(n for m, n in lines.items() if room[m] == name)
        to = sorted({room[other] for one, other in between if room[one] == name})
        print(f"{name}: {files} files, {size} lines" + (f"; imports {', '.join(to)}" if to else ""))
        if files > MOST_FILES:
            print(f"full folder: {name} has {files} files, more than {MOST_FILES}")
    for module, size in lines.items():
        if size > MOST_LINES:
            print(
                f"long file: {known[module].relative_to(checkout)} has {size} lines, more than {MOST_LINES}"
            )
    wrong = [f"circle: {' - '.join(group)}" for group in circles(graph)]
    wrong += [f"import upwards: {one} imports {other}" for one, other in upward(graph)]
    wrong += [f"crossing: {one} imports {other}" for one, other in crossings(graph)]
    print("\n".join(wrong), end="\n" * bool(wrong))
    rooms = len({(room[one], room[other]) for one, other in between})
    print(
        f"{len(known)} modules in {len(set(room.values()))} rooms, {sum(lines.values())} lines, {len(_edges(graph))} imports, "
        f"{len(between)} of them between rooms ({rooms} pairs of rooms); {len(circles(graph))} circles, "
        f"{len(upward(graph))} imports upwards, {len(crossings(graph))} crossings"
    )
    return not wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    default = Path(__file__).resolve().parents[1]
    parser.add_argument(
        "checkout", nargs="?", type=Path, default=default, help="folder that holds the packages"
    )
    sys.exit(not report(parser.parse_args().checkout))
