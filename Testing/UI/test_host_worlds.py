"""The stand-ins are there for the tests of this folder only."""

from __future__ import annotations

import sys

from host import install


def _own_modules():
    """Those of LightSeg that are imported; other tests may have imported them in the world without Qt too."""
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] in install.OWN}


def test_outside_this_folder_there_is_neither_qt_nor_an_application():
    import LightSegUI.Translation  # noqa: F401 - one of LightSeg's own in this world
    import slicer

    assert "qt" in sys.modules
    inside = _own_modules()
    install.leave()
    try:
        assert "qt" not in sys.modules
        assert "slicer.i18n" not in sys.modules
        assert not [name for name, module in _own_modules().items() if module is inside.get(name)]
        assert not hasattr(slicer, "app")
        assert not hasattr(slicer, "qMRMLWidget")
        assert hasattr(slicer, "arrayFromVolume")
    finally:
        install.enter()
    assert hasattr(slicer, "app")
    assert "qt" in sys.modules
