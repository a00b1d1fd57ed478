"""The fixture `host`: a Slicer of its own for each test. Without Qt's system libraries all are skipped."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def _why_not() -> str:
    """Why the widgets cannot be tested here; "" if they can."""
    import host  # noqa: F401 # it has a say in how PySide6 starts

    try:
        import PySide6
        import slicer  # noqa: F401
        from PySide6 import QtSvgWidgets, QtTest, QtUiTools, QtWidgets  # noqa: F401

        # Qt ends the process if it cannot load this.
        plugins = Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms"
        for plugin in plugins.glob("libqoffscreen*"):
            ctypes.CDLL(str(plugin))
    except (ImportError, OSError) as error:
        return f"widgets cannot be tested here: {error}"
    return ""


WHY_NOT = _why_not()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """Modules of this folder are imported with the stand-ins in place, or skipped."""
    if not (isinstance(collector, pytest.Module) and HERE in collector.path.parents):
        return (yield)
    if WHY_NOT:
        reason = (str(collector.path), 0, f"Skipped: {WHY_NOT}")
        yield
        return pytest.CollectReport(collector.nodeid, "skipped", reason, [])
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
    # A worker thread that happens to collect garbage would destroy widgets: only the main thread may do that.
    gc.disable()
    yield app
    gc.collect()
    gc.freeze()  # what is still alive need not be looked at again: else each test would pay for all before it
    gc.enable()
    install.leave()


@pytest.fixture
def host(_world: Any, tmp_path: Path) -> Iterator[Any]:
    """The application with an empty scene; an error met in a slot, observer or callback fails the test."""
    from host.driver import Host

    host = Host(_world, tmp_path)
    yield host
    host.close()
    errors, left = host.expectErrors(), host.dialogs.unanswered
    host.dialogs.clear()
    if errors:
        raise errors[0]
    assert left == 0, f"{left} prepared answers were not asked for"
