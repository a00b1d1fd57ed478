"""The documentation holds: its Python runs, its commands parse, its files are read, its links lead somewhere.

Python blocks of one page run from top to bottom and share their names, in a folder with a copy of Resources.
While no model is bundled, one with random weights stands in for the default model.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from source_scan import ROOT, library_files, tree_of
from tiny_model import write_tiny_model

from LightSegLib import Volume, list_models
from LightSegLib.cli import build_parser
from LightSegLib.commands.sample import read_sample
from LightSegLib.commands.written_prompts import join_coordinates
from LightSegLib.errors import DataError
from LightSegLib.evaluation.dataset import DataSet
from LightSegLib.evaluation.grow_from_seeds import slicer_core_is_available
from LightSegLib.image_files import write_mask
from LightSegLib.models.build import build_network
from LightSegLib.models.registry import DEFAULT_MODEL
from LightSegLib.resources import VARIABLE, resources_folder
from LightSegLib.training.pack import read_pack, write_pack
from LightSegLib.training.recipe import Recipe, read_recipe

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TRAINING = ROOT / "docs" / "training-your-own.md"
MADE_WITH_THE_MODEL = {"docs/images/demo-overlay.png"}
FENCE = re.compile(r"^( *)```(\S+)([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: the words after its language, its text, and the page's line its text begins at."""

    words: str
    text: str
    line: int


def blocks(page: Path, language: str) -> list[Block]:
    content = page.read_text(encoding="utf-8")
    return [
        Block(match[3].strip(), textwrap.dedent(match[4]), content.count("\n", 0, match.start(4)) + 1)
        for match in FENCE.finditer(content)
        if match[2] == language
    ]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, language)]


def nothing_bundled() -> bool:
    try:
        return not list_models()
    except DataError:
        return True


def write_data(folder: Path) -> None:
    """The data folder that training-your-own.md describes, each case a coarse copy of the sample."""
    described, split = (json.loads(named_json(name)) for name in ("dataset.json", "split.json"))
    source = next(iter(split))
    for name in ("images", "labels"):
        (folder / source / name).mkdir(parents=True)
    (folder / "split.json").write_text(json.dumps(split), encoding="utf-8")
    (folder / source / "dataset.json").write_text(json.dumps(described), encoding="utf-8")
    case = read_sample().load()
    affine = case.volume.ijk_to_ras @ np.diag([3.0, 3.0, 1.0, 1.0])
    image = Volume(case.volume.array[:, ::3, ::3], affine)
    for entry in described["cases"]:
        file = f"{entry['id']}.nii.gz"
        image.write(folder / source / "images" / file)
        write_mask(case.labels[:, ::3, ::3], image, folder / source / "labels" / file)


def named_json(name: str) -> str:
    return next(block.text for block in blocks(TRAINING, "json") if block.words == name)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with its own Resources that hold the sample and a default model."""
    copy = tmp_path / "Resources"
    shutil.copytree(resources_folder(), copy)
    if nothing_bundled():
        write_tiny_model(copy / "Models" / DEFAULT_MODEL, DEFAULT_MODEL)
    monkeypatch.setenv(VARIABLE, str(copy))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", pages_with("python"), ids=name_of)
def test_the_python_of_a_page_runs_from_top_to_bottom(page: Path, workplace: Path) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks(page, "python"):
        if block.words == "needs data":
            write_data(workplace / "data")
        if block.words and not slicer_core_is_available():
            pytest.skip(f"line {block.line} and what follows need slicer-core")
        # Empty lines before it, so that a traceback names the page's own line.
        exec(compile("\n" * (block.line - 1) + block.text, name_of(page), "exec"), names)


@pytest.mark.parametrize("page", pages_with("console"), ids=name_of)
def test_the_command_lines_of_a_page_are_understood(page: Path) -> None:
    lines = [line.strip() for block in blocks(page, "console") for line in block.text.splitlines()]
    commands = [line.partition("lightseg ")[2] for line in lines if "lightseg " in line]
    assert commands
    for command in commands:
        arguments = build_parser().parse_args(join_coordinates(shlex.split(command)))
        assert callable(arguments.run)


def test_every_command_stands_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    actions = build_parser()._subparsers._group_actions
    names = [name for action in actions for name in action.choices]
    assert [name for name in names if f"lightseg {name}" not in text] == []


def test_the_described_data_folder_is_read_packed_and_judged(workplace: Path) -> None:
    write_data(workplace / "data")
    data = DataSet.open(workplace / "data")
    (source,) = data.select()
    assert source.is_manual
    assert [case.spacing_is_estimated for case in data.cases(source.name, "val")] == [True]
    write_pack(workplace / "data", workplace / "train.pack", max_voxels=20_000)
    packed = read_pack(workplace / "train.pack")
    assert [case.identifier for case in packed] == ["case_01", "case_02"]
    assert packed[0].labels == {1: "liver"}
    assert packed[0].licence == source.licence


def test_the_described_recipe_can_be_trained(tmp_path: Path) -> None:
    path = tmp_path / "my-model.json"
    path.write_text(named_json("my-model.json"), encoding="utf-8")
    recipe = read_recipe(path)
    build_network(recipe.architecture, recipe.patch)


def test_every_entry_of_a_recipe_is_explained() -> None:
    text = TRAINING.read_text(encoding="utf-8").split("## The recipe")[1]
    assert [entry for entry in Recipe.__dataclass_fields__ if f"`{entry}`" not in text] == []


def test_troubleshooting_quotes_messages_that_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### (`.*)$", readme, re.MULTILINE)
    sources = [*library_files(), *sorted((ROOT / "LightSeg").rglob("*.py"))]
    said = [text for path in sources for text in texts_of(tree_of(path))]
    said.append((ROOT / "Makefile").read_text(encoding="utf-8"))
    assert len(headings) > 15
    pieces = [
        piece.strip()
        for heading in headings
        for quoted in re.findall(r"`([^`]+)`", heading)
        for piece in quoted.split("…")
        if piece.strip()
    ]
    assert [piece for piece in pieces if not any(piece in text for text in said)] == []


def texts_of(tree: ast.AST) -> list[str]:
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    inside = [target for target in targets if not re.match(r"\w+:", target)]
    assert [target for target in inside if not leads_somewhere(page, target)] == []


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return name_of(file) in MADE_WITH_THE_MODEL and nothing_bundled()
    return not anchor or anchor in anchors(file)


def anchors(page: Path) -> set[str]:
    """What GitHub names the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
