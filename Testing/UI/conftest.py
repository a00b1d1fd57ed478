"""The fixture `host`: a Slicer of its own for each test. Without Qt's system libraries the folder is skipped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def _why_not() -> str:
    """Why the widgets cannot be tested here; "" if they can."""
    try:
        import slicer  # noqa: F401
        from PySide6 import QtWidgets  # noqa: F401
    except ImportError as error:
        return f"widgets cannot be tested here: {error}"
    return ""


WHY_NOT = _why_not()
if WHY_NOT:
    collect_ignore_glob = ["test_*.py"]


def _is_ours(path: Path) -> bool:
    return HERE in path.parents


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """Modules of this folder are imported with the stand-ins in place."""
    if WHY_NOT or not (isinstance(collector, pytest.Module) and _is_ours(collector.path)):
        return (yield)
    from host import install

    install.enter()
    try:
        return (yield)
    finally:
        install.leave()


@pytest.fixture(autouse=True)
def _world() -> Iterator[Any]:
    """The stand-ins, in place while a test of this folder runs."""
    from host import install

    app = install.enter()
    yield app
    install.leave()


@pytest.fixture
def host(_world: Any, tmp_path: Path) -> Iterator[Any]:
    """The application with an empty scene; fails the test if an error was met in a slot, observer or callback."""
    from host.driver import Host

    host = Host(_world, tmp_path)
    yield host
    host.close()
    errors, left = host.expectErrors(), host.dialogs.unanswered
    host.dialogs.clear()
    if errors:
        raise errors[0]
    assert left == 0, f"{left} prepared answers were not asked for"
