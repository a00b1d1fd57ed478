"""Where the files that ship with LightSeg lie: bundled models and the sample case.

Three layouts are in use. In a checkout (and an editable install) Resources/ is beside the package; in
an installed wheel it is inside the package; in a Slicer extension it is wherever the extension put it,
which the variable LIGHTSEG_RESOURCES can say.
"""

from __future__ import annotations

import os
from pathlib import Path

from LightSegLib.errors import DataError

VARIABLE = "LIGHTSEG_RESOURCES"
"""Environment variable that names a folder to use in place of the bundled Resources."""

_PACKAGE = Path(__file__).resolve().parent


def resources_folder() -> Path:
    """The folder that holds Models/ and Samples/.

    Returns:
        The folder named by LIGHTSEG_RESOURCES if that is set, else the one inside the package if
        there is one, else the one beside the package (which a partial checkout may lack).

    Raises:
        DataError: LIGHTSEG_RESOURCES is set but names no folder.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        folder = Path(chosen).expanduser()
        if not folder.is_dir():
            raise DataError(
                f"The resources folder {folder} was not found",
                f"The environment variable {VARIABLE} names it, but it is not a folder",
                f"Correct {VARIABLE}, or unset it to use what ships with LightSeg",
            )
        return folder
    inside = _PACKAGE / "Resources"
    return inside if inside.is_dir() else _PACKAGE.parent / "Resources"


def models_folder() -> Path:
    """The folder of bundled models, one folder per model id; it may be missing in a partial checkout."""
    return resources_folder() / "Models"


def samples_folder() -> Path:
    """The folder of sample images that demo and tests use; it may be missing in a partial checkout."""
    return resources_folder() / "Samples"
