"""Tables that read well in a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[str]], names: int | None = None) -> str:
    """A Markdown table with its columns padded to one width.

    Args:
        rows: cells; the first row is the header.
        names: so many columns stand to the left, the others, numbers, to the right; None: all to the left.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = len(widths) if names is None else names
    lines = [
        "| "
        + " | ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]
    rules = ["-" * (width + 2) if at < left else "-" * (width + 1) + ":" for at, width in enumerate(widths)]
    return "\n".join([lines[0], "|" + "|".join(rules) + "|", *lines[1:]])
