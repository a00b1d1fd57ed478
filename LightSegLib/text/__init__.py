"""What words mean: structures by name in five languages, and sentences as vectors.

`Vocabulary` needs neither torch nor transformers; `encoder.load_encoder` imports both when it is called.
"""

from LightSegLib.text.matching import AmbiguousTextError, Match, UnknownTextError
from LightSegLib.text.structures import Structure
from LightSegLib.text.vocabulary import Vocabulary

__all__ = ["AmbiguousTextError", "Match", "Structure", "UnknownTextError", "Vocabulary"]
