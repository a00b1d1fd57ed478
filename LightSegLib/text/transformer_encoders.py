"""Text encoders on transformers, 4.40 and later: sentence encoders of the BERT family, CLIP's text tower."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import ModelError
from LightSegLib.text.encoder_folder import CLIP, EncoderFolder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_BATCH = 64
_LONGEST = 256
_NOT_USED = ("pooler.", "position_ids")  # a sentence's vector needs no pooler, and positions are counted anew
_LOCAL = {"local_files_only": True, "trust_remote_code": False}


def open_encoder(folder: EncoderFolder, name: str) -> MeanPooledEncoder | ClipTextEncoder:
    """Load tokenizer and weights of a folder that `read_folder` has checked.

    Raises:
        ModelError: they do not fit the configuration, or are damaged.
    """
    try:
        kind = ClipTextEncoder if folder.kind in CLIP else MeanPooledEncoder
        return kind(folder, name)
    except ModelError:
        raise
    except (
        Exception
    ) as error:  # a damaged folder makes transformers and safetensors raise errors of many kinds
        raise ModelError(
            f"The text encoder {folder.path} cannot be loaded",
            f"{type(error).__name__}: {error}",
            "Get the encoder's folder again, whole",
        ) from error


class _TransformerEncoder:
    """Tokens in, one vector for each out; subclasses say how a sentence's is made of them."""

    def __init__(self, folder: EncoderFolder, name: str, model_class: Any, longest: int, width: int) -> None:
        from transformers import AutoTokenizer

        self.name = name
        self.width = width
        self._tokenizer = AutoTokenizer.from_pretrained(str(folder.path), **_LOCAL)
        self._model = _load(folder, model_class)
        self._longest = min(longest, _LONGEST)

    def sentence(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector for each text, of length 1: (N, width)."""
        import numpy as np
        import torch

        found = [np.empty((0, self.width), np.float32)]
        for start in range(0, len(texts), _BATCH):
            batch = self._tokens(list(texts[start : start + _BATCH]))
            with torch.inference_mode():
                vectors = torch.nn.functional.normalize(self._pooled(batch), dim=-1)
            found.append(vectors.float().numpy())
        return np.concatenate(found)

    def words(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """A vector for each token, (T, width), and a mask (T,), False for the marks of begin and end."""
        import numpy as np
        import torch

        batch = self._tokens([text])
        marks = self._tokenizer.get_special_tokens_mask(
            batch["input_ids"][0].tolist(), already_has_special_tokens=True
        )
        with torch.inference_mode():
            vectors = self._each_word(batch)[0].float().numpy()
        mask = np.asarray(marks) == 0
        return np.asarray(vectors, np.float32), np.asarray(mask, np.bool_)

    def _tokens(self, texts: list[str]) -> Any:
        return self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
        )

    def _pooled(self, batch: Any) -> Tensor:
        raise NotImplementedError

    def _each_word(self, batch: Any) -> Tensor:
        raise NotImplementedError


class MeanPooledEncoder(_TransformerEncoder):
    """MiniLM and its like: a sentence is the mean of its tokens, as sentence-transformers takes it."""

    def __init__(self, folder: EncoderFolder, name: str) -> None:
        from transformers import AutoConfig, AutoModel

        config = AutoConfig.from_pretrained(str(folder.path), **_LOCAL)
        # RoBERTa counts positions from behind its padding mark.
        offset = (
            int(config.pad_token_id or 0) + 1 if "roberta" in folder.kind or folder.kind == "mpnet" else 0
        )
        longest = int(config.max_position_embeddings) - offset
        super().__init__(folder, name, AutoModel, longest, int(config.hidden_size))

    def _pooled(self, batch: Any) -> Tensor:
        mask = batch["attention_mask"].unsqueeze(-1).float()
        total: Tensor = (self._each_word(batch) * mask).sum(dim=1)
        mean: Tensor = total / mask.sum(dim=1).clamp(min=1)
        return mean

    def _each_word(self, batch: Any) -> Tensor:
        vectors: Tensor = self._model(**batch).last_hidden_state
        return vectors


class ClipTextEncoder(_TransformerEncoder):
    """CLIP's text tower: a sentence is the token of its end; all are projected to where images lie."""

    def __init__(self, folder: EncoderFolder, name: str) -> None:
        from transformers import CLIPTextConfig, CLIPTextModelWithProjection

        config = CLIPTextConfig.from_pretrained(str(folder.path), local_files_only=True)
        longest, width = int(config.max_position_embeddings), int(config.projection_dim)
        super().__init__(folder, name, CLIPTextModelWithProjection, longest, width)

    def _pooled(self, batch: Any) -> Tensor:
        vectors: Tensor = self._model(**batch).text_embeds
        return vectors

    def _each_word(self, batch: Any) -> Tensor:
        vectors: Tensor = self._model.text_projection(self._model(**batch).last_hidden_state)
        return vectors


def _load(folder: EncoderFolder, model_class: Any) -> Any:
    """The model in inference mode.

    Raises:
        ModelError: weights are missing in the file; transformers would fill them with random numbers.
    """
    import torch

    settings: dict[str, Any] = {
        "local_files_only": True,
        "use_safetensors": True,
        "output_loading_info": True,
    }
    with _no_progress_bar():
        model, found = model_class.from_pretrained(str(folder.path), **settings)
    missing = sorted(name for name in found["missing_keys"] if not any(part in name for part in _NOT_USED))
    if missing or found["mismatched_keys"]:
        raise ModelError(
            f"The weights of the text encoder {folder.path} do not fit its config.json",
            f"{missing[0]} is missing" if missing else "some have another size",
            "Get the encoder's folder again, whole",
        )
    return model.to(torch.float32).eval()


@contextlib.contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Without the bar that transformers 5 draws on stderr even when weights take no time."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
