"""What lies in an encoder's folder, checked before transformers sees it: nothing is ever unpickled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LightSegLib.errors import ModelError

MEAN_POOLED = frozenset(("bert", "distilbert", "mpnet", "roberta", "xlm-roberta"))
CLIP = frozenset(("clip", "clip_text_model"))

_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
_TOKENIZERS = (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt"))
_AGAIN = "Get the encoder's folder again, whole: config.json, model.safetensors and tokenizer.json"


@dataclass(frozen=True)
class EncoderFolder:
    """A folder that holds all an encoder needs.

    Attributes:
        path: the folder.
        kind: its architecture, one of `MEAN_POOLED` and `CLIP`.
    """

    path: Path
    kind: str


def read_folder(folder: Path) -> EncoderFolder:
    """Check an encoder's folder.

    Raises:
        ModelError: a file is missing or damaged, the weights are pickled, or the architecture is another one.
    """
    config = _json(folder / "config.json")
    kind = config.get("model_type")
    if kind not in MEAN_POOLED | CLIP:
        raise ModelError(
            f"{folder} holds no text encoder that LightSeg can use",
            f"its architecture is {kind!r}; known are {', '.join(sorted(MEAN_POOLED | CLIP))}",
            "Take a sentence encoder such as all-MiniLM-L6-v2, or a CLIP model",
        )
    _check_weights(folder)
    if not any(all((folder / name).is_file() for name in names) for names in _TOKENIZERS):
        raise ModelError(f"The text encoder {folder} has no tokenizer", "tokenizer.json is missing", _AGAIN)
    _check_pooling(folder)
    return EncoderFolder(folder, str(kind))


def _check_weights(folder: Path) -> None:
    if any(folder.glob("*.safetensors")):
        return
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if pickled:
        raise ModelError(
            f"The weights of the text encoder {folder} are refused",
            f"{pickled[0]} may run code when it is read; only safetensors are read",
            "Get the encoder with model.safetensors",
        )
    raise ModelError(f"The text encoder {folder} has no weights", "model.safetensors is missing", _AGAIN)


def _check_pooling(folder: Path) -> None:
    """Sentence encoders say how a sentence's vector is made of its words'; only the mean is known here."""
    path = folder / "1_Pooling" / "config.json"
    if path.is_file() and not _json(path).get("pooling_mode_mean_tokens", True):
        raise ModelError(
            f"The text encoder {folder} does not take the mean of its words",
            f"{path.parent.name}/{path.name} asks for another pooling",
            "Take a sentence encoder such as all-MiniLM-L6-v2",
        )


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path.parent} is no text encoder", f"{path.name} is missing", _AGAIN) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"Cannot read {path}", str(error), _AGAIN) from error
    if not isinstance(content, dict):
        raise ModelError(f"Cannot read {path}", "it holds no JSON object", _AGAIN)
    return content
