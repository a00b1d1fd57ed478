"""`import LightSegLib` is nearly free; the names it exports are there when they are used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import LightSegLib

HEAVY = (
    "numpy",
    "torch",
    "scipy",
    "SimpleITK",
    "monai",
    "safetensors",
    "rich",
    "transformers",
    "vtk",
    "slicer",
)


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running some code."""
    program = (
        f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_importing_the_library_loads_nothing_heavy() -> None:
    # What the interpreter loads by itself (through .pth files of the environment, say) is not ours.
    loaded = modules_after("import LightSegLib") - modules_after("pass")
    assert "LightSegLib" in loaded
    assert not loaded & set(HEAVY)


def test_prompts_and_errors_come_without_torch() -> None:
    loaded = modules_after("from LightSegLib import Box, LightSegError, Point, Scribble, Text")
    assert not loaded & {"torch", "monai", "SimpleITK"}


def test_volumes_come_without_torch() -> None:
    assert not modules_after("from LightSegLib import Volume") & {"torch", "monai", "SimpleITK"}


@pytest.mark.parametrize("name", LightSegLib.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(LightSegLib, name) is not None
    assert name in dir(LightSegLib)


def test_an_exported_name_is_the_one_from_its_module() -> None:
    from LightSegLib.geometry import Volume

    assert LightSegLib.Volume is Volume


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Volumes'"):
        LightSegLib.Volumes  # noqa: B018 - the access is the test
