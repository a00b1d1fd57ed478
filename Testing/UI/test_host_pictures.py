"""Pictures of the stand-in: light, dark, and at 150 % of the screen's scale."""

from __future__ import annotations

import pytest
import qt

from host import pictures


def sample(host):
    """A small widget to take pictures of."""
    widget = qt.QLabel("Pictured")
    widget.setAutoFillBackground(True)
    widget.setFixedSize(120, 40)
    return widget


def test_a_picture_has_the_colors_of_the_theme_and_the_size_of_the_scale(host, tmp_path):
    light = qt.QImage(str(host.grab(sample(host), tmp_path / "light.png")))
    path = pictures.take("test_host_pictures:sample", tmp_path / "dark.png", dark=True, scale=1.5)
    dark = qt.QImage(str(path))
    assert (light.width(), dark.width(), dark.height()) == (120, 180, 60)
    assert light.pixelColor(2, 2).lightness() > 200
    assert dark.pixelColor(2, 2).lightness() < 80


def test_a_picture_that_fails_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="no_such_function"):
        pictures.take("test_host_pictures:no_such_function", tmp_path / "none.png")
