"""The rules of the house: which way imports point, what the library never does, where the version stands.

Each test gathers all offenders, as "file:line what", so that one run names everything there is to mend.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from source_scan import LIBRARY, ROOT, calls_of, imports_of, library_files, module_name, tree_of

import LightSegLib

FILES = library_files()
LONGEST_FILE = 400
COMMANDS = ("cli", "commands")
PICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
PICKLING_CALLS = {"torch.load", "torch.jit.load", "torch.save"}
SLICER = {"slicer", "vtk", "vtkmodules", "qt", "ctk", "mrml", "PythonQt"}
VALUE_TYPES = ("errors", "geometry", "index_box", "sampling", "prompts", "image_files")


def part_of(name: str) -> str:
    """The part of the library a module or imported name belongs to: "networks", "session"; "" is not ours."""
    head, _, rest = name.partition(".")
    return rest.partition(".")[0] if head == "LightSegLib" else ""


def files_outside(*parts: str) -> list[Path]:
    return [path for path in FILES if part_of(module_name(path)) not in parts]


def files_in(*parts: str) -> list[Path]:
    return [path for path in FILES if part_of(module_name(path)) in parts]


def uses(paths: Iterable[Path], parts: Iterable[str]) -> list[str]:
    """Where files import, at run time, anything from the given parts of the library."""
    wanted = set(parts)
    return [
        f"{path.relative_to(ROOT).as_posix()}: {item.target}"
        for path in paths
        for item in imports_of(path)
        if not item.typing and part_of(item.target) in wanted
    ]


def calls(paths: Iterable[Path], names: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT).as_posix()}:{line} {name}"
        for path in paths
        for name, line in calls_of(path)
        if name in names
    ]


# --- Arrows -------------------------------------------------------------------------------------------------


def test_networks_import_nothing_of_ours_but_networks() -> None:
    others = {part_of(module_name(path)) for path in files_outside("networks", "")}
    assert uses(files_in("networks"), others) == []


def test_only_models_and_what_stands_on_them_know_concrete_networks() -> None:
    ignorant = files_outside("networks", "models", "training", "evaluation", *COMMANDS)
    assert uses(ignorant, ["networks"]) == []


def test_nothing_but_the_command_line_imports_training_or_evaluation() -> None:
    assert uses(files_outside("training", "evaluation", *COMMANDS), ["training", "evaluation"]) == []


def test_nothing_imports_the_command_line() -> None:
    assert uses(files_outside(*COMMANDS), COMMANDS) == []


def test_the_value_types_know_neither_session_nor_models() -> None:
    above = ("session", "regions", "models", "networks", "runtime", "training", "evaluation", *COMMANDS)
    assert uses(files_in(*VALUE_TYPES), above) == []


def test_only_the_mrml_adapter_knows_slicer() -> None:
    # The grow-from-seeds baseline is Slicer's own filter, so evaluation may load it, but only when it runs.
    offenders = [
        f"{path.relative_to(ROOT).as_posix()}: {item.target}"
        for path in FILES
        for item in imports_of(path)
        if item.target.split(".")[0] in SLICER and not item.typing and LIBRARY / "mrml" not in path.parents
        if not (item.lazy and part_of(module_name(path)) == "evaluation")
    ]
    assert offenders == []


def test_imports_go_round_in_no_circle() -> None:
    names = {module_name(path) for path in FILES}
    graph = {
        module_name(path): {
            target
            for item in imports_of(path)
            if not item.lazy and not item.typing
            for target in (item.target, item.target.rpartition(".")[0])
            if target in names and target not in ("LightSegLib", module_name(path))
        }
        for path in FILES
    }
    while graph:
        leaves = {name for name, targets in graph.items() if not targets & graph.keys()}
        assert leaves, f"a circle among {sorted(graph)}"
        graph = {name: targets for name, targets in graph.items() if name not in leaves}


# --- What the library never does ----------------------------------------------------------------------------


def test_nothing_is_unpickled() -> None:
    imported = [
        f"{path.relative_to(ROOT).as_posix()}: {item.target}"
        for path in FILES
        for item in imports_of(path)
        if item.target.split(".")[0] in PICKLING
    ]
    assert imported + calls(FILES, PICKLING_CALLS) == []
    for path in FILES:
        assert not re.search(r"allow_pickle=True|weights_only=False", path.read_text(encoding="utf-8")), path


def test_nothing_is_evaluated_from_text() -> None:
    assert calls(FILES, {"eval", "exec", "os.system"}) == []


def test_the_library_logs_and_does_not_print() -> None:
    assert calls(files_outside(*COMMANDS), {"print"}) == []


def test_no_error_is_swallowed_and_no_input_is_asserted() -> None:
    offenders = [
        f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Assert) or (isinstance(node, ast.ExceptHandler) and node.type is None)
    ]
    assert offenders == []


def test_a_file_holds_one_idea() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert [str(path) for path, length in lengths.items() if length > LONGEST_FILE] == []


def test_a_file_says_what_it_is_for() -> None:
    assert [str(path) for path in FILES if not ast.get_docstring(tree_of(path))] == []


# --- One source for each fact -------------------------------------------------------------------------------


def test_the_version_has_one_source() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([abc.]\S+)?", LightSegLib.__version__)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in project
    assert 'version = { attr = "LightSegLib.__version__" }' in project


def test_printing_is_forbidden_by_the_linter_outside_the_commands() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    rules = re.search(r"^select = \[(.*)\]$", project, re.MULTILINE)
    assert rules is not None
    assert '"T20"' in rules.group(1)
    excepted = re.findall(r'^"LightSegLib/([^"]*)" = \[.*"T20".*\]$', project, re.MULTILINE)
    assert {name.split(".")[0].split("/")[0] for name in excepted} <= set(COMMANDS)


def test_the_package_says_that_it_is_typed() -> None:
    assert (LIBRARY / "py.typed").is_file()


def test_each_constraint_is_pinned_and_torch_has_one_version_for_all_pythons() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r'[\w.-]+==[\w.]+(; python_version (<|>=) "3\.\d+")?', pin) for pin in pins)
    assert sum(pin.startswith("torch==") for pin in pins) == 1
