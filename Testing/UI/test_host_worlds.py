"""The stand-ins are there for the tests of this folder only."""

from __future__ import annotations

import sys

from host import install


def test_outside_this_folder_there_is_neither_qt_nor_an_application():
    import slicer

    assert "qt" in sys.modules
    install.leave()
    try:
        assert "qt" not in sys.modules
        assert "slicer.i18n" not in sys.modules
        assert not [name for name in sys.modules if name.partition(".")[0] in install.OWN]
        assert not hasattr(slicer, "app")
        assert not hasattr(slicer, "qMRMLWidget")
        assert hasattr(slicer, "arrayFromVolume")
    finally:
        install.enter()
    assert hasattr(slicer, "app")
    assert "qt" in sys.modules
