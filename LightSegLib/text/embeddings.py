"""Sentence embeddings of all names, made once and shipped, so that names need no encoder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LightSegLib.errors import DataError, ModelError
from LightSegLib.text.encoder import load_encoder
from LightSegLib.text.structures import vocabulary_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from LightSegLib.text.encoder import TextEncoder
    from LightSegLib.text.vocabulary import Vocabulary

EMBEDDINGS_NAME = "embeddings.safetensors"
_REMAKE = "Make it anew: lightseg structures --write-embeddings ENCODER"
_FACTS = "lightseg"
_SAME_ENCODER = 0.99


class Embeddings:
    """A vector for each name of each structure.

    Args:
        owners: the structure's id for each name; a structure's English name comes first.
        vectors: (N, width), each of length 1.
        encoder: name of the encoder that made them.
    """

    def __init__(self, owners: list[str], vectors: NDArray[np.float32], encoder: str) -> None:
        self.owners = owners
        self.vectors = vectors
        self.encoder = encoder
        self._rows: dict[str, list[int]] = {}
        for row, owner in enumerate(owners):
            self._rows.setdefault(owner, []).append(row)

    @property
    def width(self) -> int:
        """Length of the vectors."""
        return int(self.vectors.shape[1])

    def of(self, identifier: str) -> NDArray[np.float32]:
        """Vectors of a structure's names, (n, width); that of the English name first."""
        return self.vectors[self._rows[identifier]]

    def nearest(
        self, vector: NDArray[np.float32], among: Collection[str], count: int
    ) -> list[tuple[str, float]]:
        """Structures by the cosine of their nearest name to a vector (width,) of length 1, nearest first."""
        cosines = self.vectors @ vector
        best = {name: float(cosines[self._rows[name]].max()) for name in among}
        return sorted(best.items(), key=lambda item: -item[1])[:count]

    @classmethod
    def load(cls, vocabulary: Vocabulary, path: Path | None = None) -> Embeddings:
        """Read the embeddings of a vocabulary.

        Args:
            vocabulary: whose names they have to be of.
            path: the file; the bundled one by default.

        Raises:
            DataError: the file is missing or damaged, or the names have changed since it was written.
        """
        from safetensors import SafetensorError, safe_open

        file = path or vocabulary_folder() / EMBEDDINGS_NAME
        try:
            with safe_open(str(file), framework="np") as content:
                facts: dict[str, str] = json.loads((content.metadata() or {}).get(_FACTS, "{}"))
                vectors = np.asarray(content.get_tensor("vectors"), np.float32)
        except (OSError, ValueError, SafetensorError) as error:
            raise DataError(f"The embeddings {file} cannot be read", str(error), _REMAKE) from error
        owners = [owner for owner, _ in names_of(vocabulary)]
        if facts.get("names_sha256") != names_sha256(vocabulary) or len(owners) != len(vectors):
            raise DataError(
                f"The embeddings {file} are out of date",
                "They belong to other names than those of the vocabulary",
                _REMAKE,
            )
        return cls(owners, vectors, facts.get("encoder", "unknown"))


def names_of(vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """Every structure's id with each of its names, in the order of the embeddings."""
    return [(structure.id, name) for structure in vocabulary for name in structure.names()]


def names_sha256(vocabulary: Vocabulary) -> str:
    """Checksum of ids and names, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(names_of(vocabulary)).encode()).hexdigest()


def write_embeddings(vocabulary: Vocabulary, encoder: TextEncoder, path: Path | None = None) -> Path:
    """Compute the embeddings of all names, and write them as float16.

    Args:
        vocabulary: whose names.
        encoder: what makes vectors of them.
        path: where to; beside structures.json by default.

    Returns:
        The file.
    """
    from safetensors.numpy import save

    file = path or vocabulary_folder() / EMBEDDINGS_NAME
    vectors = encoder.sentence([name for _, name in names_of(vocabulary)]).astype(np.float16)
    facts = {"encoder": encoder.name, "names_sha256": names_sha256(vocabulary)}
    # One entry, because safetensors writes several in any order; the same names make the same file.
    metadata = {_FACTS: json.dumps(facts)}
    # Renamed into place, so that no reader sees half a file.
    partial = file.with_name(f"{file.name}.tmp")
    partial.write_bytes(save({"vectors": vectors}, metadata=metadata))
    partial.replace(file)
    return file


class DescribedMeanings:
    """Compares descriptions with names by an encoder; `Vocabulary.find` takes it as `meanings`.

    Args:
        embeddings: of the names.
        encoder: the one that made them.
        probe: the first name, to tell by its vector whether that is so.

    Raises:
        ModelError: it is another encoder.
    """

    def __init__(self, embeddings: Embeddings, encoder: TextEncoder, probe: str) -> None:
        self._embeddings = embeddings
        self._encoder = encoder
        alike = encoder.width == embeddings.width and (
            float(embeddings.vectors[0] @ encoder.sentence([probe])[0]) >= _SAME_ENCODER
        )
        if not alike:
            raise ModelError(
                f"The text encoder {encoder.name} does not go with the embeddings of the names",
                f"They were made with {embeddings.encoder}",
                f"Take that one, or make them anew: lightseg structures --write-embeddings {encoder.name}",
            )

    def nearest(self, text: str, among: Collection[str], count: int) -> list[tuple[str, float]]:
        """Ids out of `among` with their cosine to the text, the nearest first, at most `count`."""
        return self._embeddings.nearest(self._encoder.sentence([text])[0], among, count)


def load_meanings(vocabulary: Vocabulary, source: Any = None, path: Path | None = None) -> DescribedMeanings:
    """An encoder of this machine together with the embeddings of the names.

    Args:
        vocabulary: whose names.
        source: the encoder, as `load_encoder` takes it.
        path: the embeddings' file; the bundled one by default.

    Raises:
        ModelError: there is no usable encoder on this machine, or it is another one than the embeddings'.
        DataError: the embeddings are missing, damaged or out of date.
    """
    embeddings = Embeddings.load(vocabulary, path)
    return DescribedMeanings(embeddings, load_encoder(source), next(iter(vocabulary)).name)
