"""Translation of text that users see: Slicer's own where there is Slicer, the text itself in plain Python.

Use it as Slicer's modules do::

    from LightSegUI.Translation import tr as _
"""

from __future__ import annotations

try:
    from slicer.i18n import tr
except ImportError:  # slicer-core has no application, hence no language to translate to

    def tr(text: str) -> str:
        """The text as it is."""
        return text


__all__ = ["tr"]
