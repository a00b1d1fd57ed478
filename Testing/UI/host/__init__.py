"""A stand-in for the Slicer application: `qt`, `ctk` and `slicer` over PySide6 and the MRML of slicer-core.

The module panel and the Segment Editor effect run on it under plain pytest, without a display. It behaves as
PythonQt and Slicer 5.12 do as far as LightSeg touches them, and it has no attribute that they lack: what
fails here fails there.

Use it through the fixture `host`, see `driver.Host`.
"""

from __future__ import annotations

import sys

# PySide6 looks here when it is first imported: enumerations and flags that are integers too, as in PythonQt.
sys.pyside6_option_python_enum = 0x01 | 0x02  # type: ignore[attr-defined]
