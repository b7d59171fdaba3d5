"""No module imports itself by way of others; imports for types alone, and those inside functions, count."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imports(root: Path, package: str) -> dict[str, set[str]]:
    """What each module of the package imports of it."""
    files = {}
    for path in (root / package).rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    named.add(inner if inner in files else node.module)
        found[module] = (named & files.keys()) - {module}
    return found


def test_no_circles() -> None:
    graph = imports(ROOT, "wtpd")
    assert len(graph) > 300
    TopologicalSorter(graph).prepare()


def test_a_circle_is_found_where_one_is(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "__init__.py").write_text("")
    (tmp_path / "p" / "a.py").write_text("from p.b import x\n")
    (tmp_path / "p" / "b.py").write_text("def f():\n    from p import a\n")
    with pytest.raises(CycleError):
        TopologicalSorter(imports(tmp_path, "p")).prepare()
