"""Slicer's translation of user-visible text, where there is Slicer.

Plain logic of the module also runs on slicer-core, which has no translations; there texts stay as written.
`from LightSegUI.Translate import _` hands out Slicer's own function, because that finds the context of a text
from the file that calls it.
"""

from __future__ import annotations

try:
    from slicer.i18n import tr as _
except ImportError:

    def _(text: str) -> str:
        return text


__all__ = ["_"]
