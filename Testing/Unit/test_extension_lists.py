"""What the Slicer extension is packaged from: nothing is forgotten, nothing is made up, names agree."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest
from source_scan import ROOT

CATEGORIES_WITH_SEGMENTATION = "Segmentation"
ICONS = ROOT / "LightSeg" / "Resources" / "Icons"


def lists_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("extension_lists", ROOT / "Testing" / "extension_lists.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["extension_lists"] = module
    spec.loader.exec_module(module)
    return module


MODULE = lists_module()
LISTS = MODULE.LISTS
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")


def metadata(name: str) -> str:
    match = re.search(rf'set\(EXTENSION_{name} "?([^")]*)"?\)', CMAKE)
    assert match is not None, name
    return match[1]


def entry() -> dict:
    return json.loads((ROOT / "LightSeg.json").read_text(encoding="utf-8"))


def size_of(png: Path) -> tuple[int, int]:
    return struct.unpack(">II", png.read_bytes()[16:24])


# --- Lists and tree -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", LISTS, ids=lambda files: f"{files.folder}-{files.variable}")
def test_what_lies_in_the_folders_is_listed(files) -> None:
    unlisted = sorted(set(files.present()) - set(files.listed()))
    assert unlisted == [], "to list them: python Testing/extension_lists.py"


@pytest.mark.parametrize("files", LISTS, ids=lambda files: f"{files.folder}-{files.variable}")
def test_what_is_listed_lies_in_the_folders(files) -> None:
    assert sorted(set(files.listed()) - set(files.present())) == []
    assert len(files.listed()) == len(set(files.listed()))


def test_what_is_listed_is_enough_to_load_the_bundled_model_and_the_sample(tmp_path: Path) -> None:
    MODULE.lay_out(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from LightSegLib import Volume, list_models, load_model\n"
        "from LightSegLib.commands.sample import read_sample\n"
        "load_model(device='cpu'); Volume.read(read_sample().image_path)\n"
        "import LightSegLib; print(LightSegLib.__file__); print(read_sample().image_path)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "LIGHTSEG_RESOURCES"}
    run = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False, env=environment
    )
    assert run.returncode == 0, run.stderr
    assert all(Path(line).is_relative_to(tmp_path) for line in run.stdout.splitlines())


def test_every_folder_with_a_list_is_built() -> None:
    added = set(re.findall(r"add_subdirectory\((\w+)\)", CMAKE))
    assert added == {files.folder for files in LISTS}


def test_files_of_the_library_and_of_resources_do_not_overwrite_the_modules() -> None:
    # All of them end up in one folder, qt-scripted-modules.
    module = {name for files in LISTS if files.folder == "LightSeg" for name in files.listed()}
    others = {
        f"{files.folder}/{name}" for files in LISTS if files.folder != "LightSeg" for name in files.listed()
    }
    assert module & others == set()


def test_the_folder_of_the_module_holds_one_script_that_slicer_takes_for_a_module() -> None:
    assert [path.name for path in (ROOT / "LightSeg").glob("*.py")] == ["LightSeg.py"]


def test_the_listed_tests_exist() -> None:
    folder = ROOT / "LightSeg" / "Testing" / "Python"
    scripts = re.findall(r"SCRIPT (\w+\.py)", (folder / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert sorted(scripts) == sorted(path.name for path in folder.glob("*Test.py"))


# --- Names and addresses ------------------------------------------------------------------------------------


def test_the_index_entry_has_the_extensions_name_and_dependencies() -> None:
    name = re.search(r"project\((\w+)\)", CMAKE)
    assert name is not None
    assert (ROOT / f"{name[1]}.json").is_file()
    assert not name[1].startswith("Slicer")
    assert entry()["build_dependencies"] == metadata("DEPENDS").split()


def test_the_index_entry_has_what_the_index_asks_for() -> None:
    written = (ROOT / "LightSeg.json").read_bytes()
    assert b"\r" not in written
    assert written.endswith(b"}\n")
    assert entry().keys() == {
        "$schema",
        "build_dependencies",
        "build_subdirectory",
        "category",
        "scm_revision",
        "scm_url",
        "tier",
    }
    assert entry()["category"] == CATEGORIES_WITH_SEGMENTATION
    assert entry()["scm_url"].startswith("https://")
    assert entry()["scm_url"].rsplit("/", 1)[1] == "SlicerLightSeg.git"
    assert entry()["tier"] in (1, 3, 5)


def test_the_addresses_of_icon_and_screenshots_point_to_files_that_exist() -> None:
    raw = metadata("HOMEPAGE").replace("github.com", "raw.githubusercontent.com") + "/main/"
    addresses = [metadata("ICONURL"), *metadata("SCREENSHOTURLS").split()]
    assert all(address.startswith(raw) for address in addresses)
    assert [address for address in addresses if not (ROOT / address.removeprefix(raw)).is_file()] == []
    assert entry()["scm_url"] == metadata("HOMEPAGE") + ".git"


def test_the_description_is_short_and_names_the_licences() -> None:
    description = metadata("DESCRIPTION")
    assert len(description) < 500
    assert "Apache-2.0" in description
    assert "CC BY-SA 4.0" in description


# --- Pictures and requirements ------------------------------------------------------------------------------


def test_icons_are_square_and_large_enough() -> None:
    assert size_of(ROOT / "LightSeg.png") == (128, 128)
    assert size_of(ICONS / "LightSeg.png") == (128, 128)
    for path in ICONS.glob("*.png"):
        width, height = size_of(path)
        assert width == height >= 48 or "Sample" in path.name, path


def test_every_icon_that_is_asked_for_is_there() -> None:
    sources = (ROOT / "LightSeg" / "LightSegUI").glob("*.py")
    asked = {
        name
        for path in sources
        for name in re.findall(r'\bicon\("(\w+)"\)', path.read_text(encoding="utf-8"))
    }
    drawn = {path.stem for path in ICONS.iterdir()}
    tools = {"inside", "outside", "box", "scribble", "text", "suggest", "cancel"}
    assert [name for name in asked | tools if f"LightSeg{name[:1].upper()}{name[1:]}" not in drawn] == []


def test_the_form_is_well_formed() -> None:
    for path in (ROOT / "LightSeg" / "Resources" / "UI").glob("*.ui"):
        assert ElementTree.parse(path).getroot().tag == "ui"  # a file of our own


def test_nothing_heavy_or_foreign_is_imported_at_file_scope_in_the_module() -> None:
    allowed = {"LightSegUI", "LightSegLib", "ctk", "numpy", "qt", "slicer", "vtk"}
    heavy = {"torch", "SimpleITK", "scipy", "safetensors", "psutil", "monai", "transformers"}
    offenders = []
    for path in sorted((ROOT / "LightSeg").rglob("*.py")):
        for line in path.read_text(encoding="utf-8").splitlines():
            match = re.match(r"(?:from|import) ([\w]+)", line)
            if match and match[1] in heavy - allowed:
                offenders.append(f"{path.name}: {line}")
    assert offenders == []
