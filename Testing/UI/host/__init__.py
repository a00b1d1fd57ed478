"""A stand-in for the Slicer application: `qt`, `ctk` and `slicer` over PySide6 and the MRML of slicer-core.

The module panel and the Segment Editor effect run on it under plain pytest, without a display. It behaves as
PythonQt and Slicer 5.12 do as far as LightSeg touches them, and it has no attribute that they lack: what
fails here fails there.

Use it through the fixture `host`, see `driver.Host`.
"""

from __future__ import annotations
