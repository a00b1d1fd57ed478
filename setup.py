"""Build step that pyproject.toml cannot express: models, samples and vocabulary travel in the wheel.

In the repository they lie in Resources/, beside the package, because the Slicer extension installs
them from there too. A wheel has no "beside", so building one copies them into LightSegLib/Resources.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
BUNDLED = ("Models", "Samples", "Vocabulary")


class BuildWithResources(build_py):
    """The ordinary build of Python files, then the bundled resources."""

    def run(self) -> None:
        super().run()
        if getattr(self, "editable_mode", False):
            return  # an editable install reads them from the checkout
        for name in BUNDLED:
            source = ROOT / "Resources" / name
            if source.is_dir():
                shutil.copytree(
                    source, Path(self.build_lib) / "LightSegLib" / "Resources" / name, dirs_exist_ok=True
                )


setup(cmdclass={"build_py": BuildWithResources})
