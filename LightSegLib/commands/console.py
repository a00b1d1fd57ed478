"""What the commands show: results on stdout, everything else (progress, log, errors) on stderr.

The only place in LightSeg that prints. Progress bars appear on terminals alone; in a file or a pipe long work
says a plain line now and then.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from LightSegLib.errors import Cancelled, DataError, LightSegError, OutOfMemoryError

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: fine; not what the command promises; usage or bad input; stopped by the user."""

Report = Callable[[float | None, str], None]
"""Called with the share done, 0 to 1 (None: unknown), and what is being done."""

_FIRST_LINE_SECONDS, _LAST_LINE_SECONDS = 10.0, 300.0


def say(text: str = "") -> None:
    """Print a line of the result to stdout, at once."""
    print(text, flush=True)


def say_json(value: Any) -> None:
    """Print one JSON value to stdout, as the only thing there."""
    say(json.dumps(value, indent=1, allow_nan=False))


def write_json(value: Any, file: str) -> None:
    """Write one JSON value to a file, and say so.

    Raises:
        DataError: it cannot be written.
    """
    write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", file)
    say(f"Written {file}")


def write_text(text: str, file: str | Path) -> None:
    """Write a text to a file.

    Raises:
        DataError: it cannot be written.
    """
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"Cannot write {file}", str(error), "Choose another file") from error


def note(text: str) -> None:
    """Print a remark to stderr."""
    print(text, file=sys.stderr, flush=True)


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as text, its columns aligned: numbers to the right, words to the left."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numbers = [bool(rows) and all(cell[:1].isdigit() or cell == "-" for cell in col[1:]) for col in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        ).rstrip()
        for row in (header, *rows)
    )


@contextlib.contextmanager
def progress(title: str) -> Iterator[Report]:
    """Show how far work is while the block runs. Print nothing to stdout meanwhile.

    Args:
        title: what is being done: "Loading the model".

    Returns:
        A function to report with. Without a report the bar only shows that something happens.
    """
    if not sys.stderr.isatty():
        yield _PlainLines(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), text, BarColumn(), TaskProgressColumn(), Elapsed())
    # stdout may be a file even when stderr is a terminal: rich must not take it over.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(title, total=None)

        def report(share: float | None, message: str = "") -> None:
            total = None if share is None else 1.0
            bar.update(task, completed=share or 0.0, total=total, description=_joined(title, message))

        yield report


class _PlainLines:
    """Progress without a terminal: a line after ten seconds, then ever more rarely."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = self._last = time.monotonic()

    def __call__(self, share: float | None, message: str = "") -> None:
        now = time.monotonic()
        pause = min(max(_FIRST_LINE_SECONDS, (now - self._began) / 10), _LAST_LINE_SECONDS)
        if now - self._last >= pause:
            self._last = now
            percent = "" if share is None else f" {100 * share:.0f} %"
            note(_joined(self._title + percent, message))


def _joined(title: str, message: str) -> str:
    return f"{title}: {message}" if message else title


def set_up(verbose: int) -> None:
    """Prepare stdout and stderr, and send the log to stderr: warnings, with 1 also what happens, with 2 all.

    Args:
        verbose: how many times -v was given.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # an old terminal may lack a letter of a structure's name
    logger = logging.getLogger("LightSegLib")
    logger.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])
    if not any(isinstance(handler, _ToStderr) for handler in logger.handlers):
        logger.addHandler(_ToStderr())
    # Said in the log already; Python's form of it adds a file name and a line of source.
    warnings.filterwarnings("ignore", message=r".*did not fit into the memory of")


class _ToStderr(logging.Handler):
    """Writes to whatever stderr is at that moment, so that lines land above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        note(f"lightseg: {level}{record.getMessage()}")


def failure(error: Exception, debug: bool) -> int:
    """Tell what went wrong on stderr, and return the exit code.

    Args:
        error: what was raised.
        debug: also show where.
    """
    if debug:
        note("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, LightSegError):
        note(f"lightseg: {error.what}")
        for name, text in (("Why: ", error.why), ("Next:", error.next_step)):
            if text:
                note(f"  {name} {text}")
        if isinstance(error, Cancelled):
            return INTERRUPTED
        return FAILED if isinstance(error, OutOfMemoryError) else BAD_INPUT
    if isinstance(error, ModuleNotFoundError):
        note(f"lightseg: The Python package {error.name} is missing")
        note('  Next: Install what this command needs: pip install "lightseg[train,slicer]"')
    elif isinstance(error, OSError):
        note(f"lightseg: {error}")
    else:
        note(f"lightseg: An error that should not happen: {type(error).__name__}: {error}")
        note(
            "  Next: Run it again with --debug and report what it prints, with the output of lightseg doctor"
        )
    return FAILED
