"""The lists of files in the extension's CMakeLists.txt, and what lies in the folders.

CMake packages what is listed, nothing else.

    python Testing/extension_lists.py           brings the lists up to date
    python Testing/extension_lists.py FOLDER    lays the listed files out as the installed extension has them
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class FileList:
    """A list of files in a CMakeLists.txt.

    Attributes:
        folder: the folder that the CMakeLists.txt lies in, relative to the repository.
        variable: the list's name.
        belongs: tells of a file (relative to the folder) whether it has to be listed.
        destination: where the files go below qt-scripted-modules.
    """

    folder: str
    variable: str
    belongs: Callable[[Path], bool]
    destination: str = ""

    @property
    def cmake(self) -> Path:
        """The CMakeLists.txt."""
        return ROOT / self.folder / "CMakeLists.txt"

    def listed(self) -> list[str]:
        """What is listed, in that order."""
        return self._match()[2].split()

    def present(self) -> list[str]:
        """What lies in the folder and has to be listed, sorted."""
        folder = ROOT / self.folder
        files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in files if not is_by_product(path) and self.belongs(path))

    def update(self) -> None:
        """List what is present."""
        match = self._match()
        text = "".join([match[1], *(f"\n  {name}" for name in self.present()), match[3]])
        content = self.cmake.read_text(encoding="utf-8")
        self.cmake.write_text(content[: match.start()] + text + content[match.end() :], encoding="utf-8")

    def _match(self) -> re.Match[str]:
        content = self.cmake.read_text(encoding="utf-8")
        match = re.search(rf"(set\({self.variable})(.*?)(\n  \))", content, re.DOTALL)
        if match is None:
            raise ValueError(f"{self.cmake} has no list {self.variable}")
        return match


def is_by_product(path: Path) -> bool:
    """Whether a file is made by tools: caches, editors' copies, hidden files."""
    return any(part.startswith((".", "__pycache__")) for part in path.parts) or path.suffix in (
        ".pyc",
        ".orig",
    )


def is_script_of_the_module(path: Path) -> bool:
    return path.suffix == ".py" and path.parts[0] != "Testing"


LISTS = (
    FileList("LightSeg", "MODULE_PYTHON_SCRIPTS", is_script_of_the_module),
    FileList("LightSeg", "MODULE_PYTHON_RESOURCES", lambda path: path.parts[0] == "Resources"),
    FileList("LightSegLib", "MODULE_PYTHON_SCRIPTS", lambda path: path.suffix == ".py", "LightSegLib"),
    FileList(
        "LightSegLib",
        "MODULE_PYTHON_RESOURCES",
        lambda path: path.suffix != ".py" and path.name != "CMakeLists.txt",
        "LightSegLib",
    ),
    FileList(
        "Resources",
        "BUNDLED_FILES",
        lambda path: path.parts[0] in ("Models", "Samples", "Vocabulary"),
        "Resources",
    ),
)


def lay_out(folder: Path) -> None:
    """Copy what is listed, and nothing else, as qt-scripted-modules of the installed extension holds it."""
    for files in LISTS:
        for name in files.listed():
            target = folder / files.destination / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / files.folder / name, target)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        lay_out(Path(sys.argv[1]))
    else:
        for file_list in LISTS:
            file_list.update()
