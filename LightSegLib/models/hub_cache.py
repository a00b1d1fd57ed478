"""SAM models that other programs have downloaded from the Hugging Face hub; nothing is ever fetched.

The cache holds one folder for each model, models--OWNER--NAME, with the files of each version in
snapshots/COMMIT and the newest commit's name in refs/main.
"""

from __future__ import annotations

import os
from pathlib import Path

from LightSegLib.errors import ModelError
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.sam_config import CONFIG_NAME
from LightSegLib.models.sam_folder import is_sam_folder, read_sam_card


def cache_folder() -> Path:
    """Where the hub's own programs keep what they download, as the environment variables say."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return Path(os.environ[variable]).expanduser()
    if os.environ.get("HF_HOME"):
        return Path(os.environ["HF_HOME"]).expanduser() / "hub"
    general = os.environ.get("XDG_CACHE_HOME")
    return (Path(general).expanduser() if general else Path.home() / ".cache") / "huggingface" / "hub"


def find_in_cache(name: str) -> Path | None:
    """The folder of a model, "OWNER/NAME", in the cache; None if it is not there or has no configuration."""
    parts = name.split("/")
    if not 1 <= len(parts) <= 2 or not all(parts) or any(part.startswith(".") for part in parts):
        return None
    return _snapshot(cache_folder() / "--".join(["models", *parts]))


def list_cached_sams() -> list[ModelCard]:
    """Cards of all complete SAM models in the cache, by name; none if there is no cache. Needs no torch."""
    cards = []
    try:
        folders = sorted(cache_folder().glob("models--*"))
    except OSError:
        return []
    for folder in folders:
        snapshot = _snapshot(folder)
        if snapshot is None or not is_sam_folder(snapshot):
            continue
        try:
            cards.append(read_sam_card(snapshot, "/".join(folder.name.split("--")[1:])))
        except (ModelError, OSError):
            # A download that was stopped, or pickled weights: somebody else's business until it is asked for.
            continue
    return cards


def _snapshot(folder: Path) -> Path | None:
    """The files of the version that `main` names, else of the newest one."""
    try:
        commit = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
        named = folder / "snapshots" / commit
        if commit and (named / CONFIG_NAME).is_file():
            return named
    except (OSError, ValueError):
        pass
    try:
        versions = [path for path in (folder / "snapshots").iterdir() if (path / CONFIG_NAME).is_file()]
        return max(versions, key=lambda path: path.stat().st_mtime, default=None)
    except OSError:
        return None
