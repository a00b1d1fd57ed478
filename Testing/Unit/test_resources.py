"""Bundled models and samples are found from a checkout, from a wheel, and where the environment says."""

from __future__ import annotations

from pathlib import Path

import pytest

from LightSegLib import resources
from LightSegLib.errors import DataError
from LightSegLib.resources import VARIABLE, models_folder, resources_folder, samples_folder


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_a_checkout_has_its_resources_beside_the_package() -> None:
    beside = Path(resources.__file__).resolve().parents[1] / "Resources"
    assert resources_folder() == beside
    assert models_folder() == beside / "Models"
    assert samples_folder() == beside / "Samples"


def test_a_wheel_has_its_resources_inside_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    inside = tmp_path / "LightSegLib" / "Resources"
    inside.mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", inside.parent)
    assert resources_folder() == inside


def test_the_environment_may_name_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert models_folder() == tmp_path / "Models"


def test_a_folder_that_is_not_there_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(DataError, match=VARIABLE):
        resources_folder()
