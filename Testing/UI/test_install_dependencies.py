"""What is missing inside Slicer is found by looking, not by importing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from LightSegUI import Dependencies, Installer
from LightSegUI.Dependencies import ABSENT, BROKEN, NEW, OLD, dependencies, missing, moduleIsThere, release

ROOT = Path(__file__).resolve().parents[2]
GOOD = {"numpy": "2.4.6", "psutil": "7.0", "safetensors": "0.8", "scipy": "1.17.1", "SimpleITK": "2.5.5"}


def problems(versions: dict[str, str | None]) -> dict[str, str]:
    found = missing(
        isThere=lambda name: name in versions and (True if versions[name] is not None else None),
        versionOf=lambda name: versions.get(name) or "",
    )
    return {item.name: item.problem for item in found}


def test_with_everything_there_nothing_is_missing() -> None:
    assert problems({**GOOD, "torch": "2.13.0+cpu"}) == {}


def test_a_fresh_slicer_misses_what_slicer_does_not_bring() -> None:
    fresh = {name: GOOD[name] for name in ("numpy", "scipy", "SimpleITK")}
    assert problems(fresh) == dict.fromkeys(("psutil", "safetensors", "torch"), ABSENT)


def test_the_remains_of_a_broken_installation_count_as_missing() -> None:
    assert problems({**GOOD, "torch": None}) == {"torch": BROKEN}


def test_a_version_that_is_too_old_is_named() -> None:
    versions = {**GOOD, "torch": "2.13", "safetensors": "0.3.9"}
    assert problems(versions) == {"safetensors": OLD}
    (item,) = missing(isThere=lambda name: True, versionOf=versions.__getitem__)
    assert item.describe() == "safetensors 0.4.2 or later: only 0.3.9 is installed"


@pytest.mark.parametrize("torch", ["2.2.2", "2.2.2+cpu"])
def test_numpy_two_does_not_go_with_a_torch_that_was_built_for_numpy_one(torch: str) -> None:
    assert problems({**GOOD, "torch": torch}) == {"numpy": NEW}
    assert problems({**GOOD, "torch": torch, "numpy": "1.26.4"}) == {}


def test_a_package_without_metadata_is_taken_as_it_is() -> None:
    # Slicer's own SimpleITK may come without.
    assert problems({**GOOD, "torch": "2.13", "SimpleITK": ""}) == {}


def test_versions_compare_by_their_numbers() -> None:
    assert release("2.13.0+cu130") == (2, 13, 0)
    assert release("2.13.0") > release("2.2")
    assert release("?") == ()


def test_a_folder_without_a_package_in_it_is_told_from_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "remains_of_torch" / "lib").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert moduleIsThere("remains_of_torch") is None
    assert moduleIsThere("no_such_package") is False
    assert moduleIsThere("json") is True


def test_the_requirements_are_those_of_the_library() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    stated = set(re.findall(r'"([\w.-]+>=[\d.]+)"', project.split("[project.optional-dependencies]")[0]))
    assert {item.requirement for item in dependencies()} <= stated


def test_torch_is_left_to_the_pytorch_extension() -> None:
    assert "torch" not in {
        line.split(">")[0] for line in Dependencies.REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    }


def test_looking_imports_nothing_heavy() -> None:
    program = (
        "import sys; sys.path[:0] = ['.', 'LightSeg']; sys.modules['slicer'] = None\n"
        "from LightSegUI import Installer\n"
        "Installer.missing()\n"
        "print({'torch', 'numpy', 'scipy', 'SimpleITK', 'safetensors', 'psutil'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


def test_the_installer_offers_the_same_look() -> None:
    assert Installer.missing() == missing()
    assert Installer.Installer.missing() == missing()
