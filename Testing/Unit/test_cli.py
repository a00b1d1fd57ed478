"""The command line as a whole: help, usage, exit codes, and what errors look like."""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import subprocess
import sys

import pytest

import LightSegLib
from LightSegLib import cli
from LightSegLib.commands import console, models
from LightSegLib.commands.written_prompts import join_coordinates
from LightSegLib.errors import Cancelled, LightSegError, OutOfMemoryError

NAMES = ("demo", "segment", "models", "doctor", "pack", "train", "evaluate")


def parsers() -> dict[str, argparse.ArgumentParser]:
    actions = cli.build_parser()._actions
    return next(action.choices for action in actions if isinstance(action, argparse._SubParsersAction))


def exit_of(*arguments):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    return stopped.value.code


@pytest.fixture
def failing(monkeypatch):
    """Makes `lightseg models` raise what it is given."""

    def fail_with(error):
        def run(arguments):
            raise error

        monkeypatch.setattr(models, "run", run)

    return fail_with


def test_the_command_line_starts_without_anything_heavy():
    program = "import sys, LightSegLib.cli; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "scipy", "SimpleITK", "rich", "monai"} & set(run.stdout.split())


def test_help_comes_without_torch():
    program = (
        "import sys\nfrom LightSegLib.cli import main\ntry: main(['--help'])\n"
        "except SystemExit: print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "False"


def test_help_names_every_command(capsys):
    assert exit_of("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in NAMES)


def test_the_version_is_that_of_the_library(capsys):
    assert exit_of("--version") == 0
    assert capsys.readouterr().out.strip() == f"lightseg {LightSegLib.__version__}"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_an_example(name, capsys):
    assert exit_of(name, "--help") == 0
    shown = capsys.readouterr().out.partition("example:\n")[2]
    assert f"  lightseg {name}" in shown


@pytest.mark.parametrize("name", NAMES)
def test_every_example_can_be_typed(name):
    lines = parsers()[name].epilog.splitlines()[1:]
    assert lines
    for line in lines:
        program, *arguments = shlex.split(line.partition(" > ")[0])
        assert program == "lightseg"
        cli.build_parser().parse_args(join_coordinates(arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["paint"],
        ["demo", "--no-such-option"],
        ["demo", "--clicks", "0"],
        ["demo", "--clicks", "many"],
        ["segment", "image.nii.gz"],
        ["train", "recipe", "--minutes", "-3"],
        ["train", "recipe", "--minutes", "nan"],
        ["evaluate"],
    ],
)
def test_wrong_usage_leaves_with_2(arguments, capsys):
    assert exit_of(*arguments) == 2
    assert "usage: lightseg" in capsys.readouterr().err


def test_an_error_is_told_with_cause_and_next_step_and_no_traceback(failing, capsys):
    failing(LightSegError("The tea is cold", "It stood too long", "Make a new one"))
    assert cli.main(["models"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "lightseg: The tea is cold\n  Why:  It stood too long\n  Next: Make a new one\n"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Cancelled("The work was stopped"), 130, "stopped"),
        (KeyboardInterrupt(), 130, "Stopped"),
        (OutOfMemoryError("The model does not fit"), 1, "does not fit"),
        (FileNotFoundError(2, "No such file", "a.txt"), 1, "a.txt"),
        (ModuleNotFoundError("No module named 'monai'", name="monai"), 1, "monai is missing"),
        (ZeroDivisionError("division by zero"), 1, "--debug"),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(failing, capsys, error, code, words):
    failing(error)
    assert cli.main(["models"]) == code
    shown = capsys.readouterr().err
    assert words in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("arguments", [["--debug", "models"], ["models", "--debug"]])
def test_debug_shows_where_it_failed(failing, capsys, arguments):
    failing(LightSegError("The tea is cold"))
    assert cli.main(arguments) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        (["models"], "WARNING"),
        (["-v", "models"], "INFO"),
        (["models", "-v"], "INFO"),
        (["models", "-vv"], "DEBUG"),
    ],
)
def test_the_log_is_as_loud_as_asked(monkeypatch, capsys, arguments, level):
    def run(arguments):
        for number in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger("LightSegLib.anything").log(number, "said at %s", logging.getLevelName(number))
        return 0

    monkeypatch.setattr(models, "run", run)
    assert cli.main(arguments) == 0
    said = capsys.readouterr()
    levels = ["DEBUG", "INFO", "WARNING"]
    heard = [name for name in levels if f"said at {name}" in said.err]
    assert heard == levels[levels.index(level) :]
    assert said.out == ""
    assert said.err.count("WARNING") == 1


def test_a_reader_that_has_seen_enough_is_no_error():
    program = "import LightSegLib.cli as c, sys; sys.exit(c.main(['train', '--list']))"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} | true"
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in run.stderr
    assert "Exception" not in run.stderr


# --- The console --------------------------------------------------------------------------------------------


def test_columns_are_aligned_words_left_numbers_right():
    text = console.aligned(("name", "MB"), [["a", "1.0"], ["longer", "12.5"], ["b", "-"]])
    assert text.splitlines() == ["name      MB", "a        1.0", "longer  12.5", "b          -"]


def test_a_table_without_rows_is_its_header():
    assert console.aligned(("name", "MB"), []) == "name  MB"


def test_short_work_without_a_terminal_says_nothing(capsys):
    with console.progress("Working") as report:
        report(0.5, "half")
        report(None, "more")
    said = capsys.readouterr()
    assert said.out == said.err == ""


def test_long_work_without_a_terminal_says_a_line_now_and_then(monkeypatch, capsys):
    now = iter(range(0, 10_000, 6))
    monkeypatch.setattr(console.time, "monotonic", lambda: float(next(now)))
    with console.progress("Working") as report:
        for step in range(1, 5):
            report(step / 10, f"case {step}")
    assert capsys.readouterr().err.splitlines() == ["Working 20 %: case 2", "Working 40 %: case 4"]


def test_on_a_terminal_there_is_a_bar_and_stdout_stays_clean(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with console.progress("Working") as report:
        report(0.5, "[half]")
        report(None)
    said = capsys.readouterr()
    assert "Working" in said.err
    assert said.out == ""


def test_what_a_program_reads_is_json_without_infinities(capsys):
    console.say_json({"a": [1, 2.5]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, 2.5]}
    with pytest.raises(ValueError, match="JSON"):
        console.say_json(float("nan"))
