"""The house knows no connector by name, and joins its parts in one place of readable size."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from wtpd.connectors.registry import load

DAEMON = Path(__file__).parents[2] / "wtpd" / "daemon"
ROOT = DAEMON / "assembly.py"
BLIND = [
    ROOT, DAEMON / "ground.py", DAEMON / "fleet.py", DAEMON / "app.py", DAEMON / "api" / "connectors.py",
    DAEMON / "api" / "table.py", DAEMON / "mail" / "findings.py", *(DAEMON / "channels").glob("*.py"),
]  # fmt: skip


@pytest.mark.parametrize("file", BLIND, ids=lambda file: file.name)
def test_what_every_connector_goes_through_names_none(file: Path) -> None:
    manifests = load().manifests.values()
    names = {one.name for one in manifests} | {one.title for one in manifests}
    code = ast.unparse(_without_docstrings(ast.parse(file.read_text())))
    assert [name for name in names if re.search(rf"\b{re.escape(name)}\b", code, re.IGNORECASE)] == []


def test_the_composition_root_can_be_read_at_once() -> None:
    text = ROOT.read_text()
    assert len(text.splitlines()) < 300
    functions = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert max((one.end_lineno or 0) - one.lineno for one in functions) < 60


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Texts that stand alone: docstrings of modules, classes, functions and attributes."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_text(one)] or [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
