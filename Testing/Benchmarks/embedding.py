"""Time a click on a kept embedding against a look at the image anew, for the networks that can keep one.

    python Testing/Benchmarks/embedding.py
    python Testing/Benchmarks/embedding.py --network "RefSAM3D small" --repeats 15 --json embedding.json

Random weights, random input, one positive click and the previous answer as prompts. A full pass encodes and
decodes; a kept embedding leaves the decoder. Both are measured in turns in one process, so that whatever else
the machine does bears on both; the tables show medians. "times faster" is the full pass over the decoder.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).resolve().parents[2]
WANTED = 3.0
"""Times that a click on a kept embedding should be faster."""


@dataclass(frozen=True)
class Subject:
    """A network that encodes once and decodes per prompt.

    Attributes:
        title: its name in the table.
        shape: of one input, (C, H, W) or (C, D, H, W).
        build: makes the network with random weights.
        ask: decodes a click: called with network, embedding, the click's place and the answer before, or
            None.
        shown: what the network takes for an answer before: its logits, or probabilities.
    """

    title: str
    shape: tuple[int, ...]
    build: Callable[[], Any]
    ask: Callable[[Any, Any, torch.Tensor, torch.Tensor | None], torch.Tensor]
    shown: Callable[[torch.Tensor], torch.Tensor] = lambda logits: logits


@dataclass(frozen=True)
class Kept:
    """Median seconds of one network in one number format.

    Attributes:
        title: the network.
        shape: of the input.
        precision: "float32" or "bfloat16".
        encode: looking at the image.
        decode: a click on a kept embedding.
        full: both.
    """

    title: str
    shape: tuple[int, ...]
    precision: str
    encode: float
    decode: float
    full: float

    @property
    def times_faster(self) -> float:
        """How many clicks on a kept embedding fit into a full pass."""
        return self.full / self.decode


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="embedding.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", metavar="TITLE", help="only networks whose title holds this")
    parser.add_argument("--repeats", type=int, default=9, metavar="N", help="of every time (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to a file as well")
    parser.add_argument("--threads", type=int, help="CPU threads (all cores but one, as LightSeg chooses)")
    options = parser.parse_args(arguments)
    if options.repeats < 1 or (options.threads is not None and options.threads < 1):
        parser.error("at least 1 repeat and at least 1 thread")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = parse(arguments)
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)  # before torch starts; LightSeg heeds it too
    from LightSegLib.runtime.devices import set_thread_count
    from Testing.Benchmarks.report import describe_environment, environment

    set_thread_count()
    facts = environment()
    print(describe_environment(facts) + "\n", flush=True)
    results = []
    for subject in subjects():
        if options.network is None or options.network.lower() in subject.title.lower():
            print(f"{subject.title} ...", file=sys.stderr, flush=True)
            results += measure(subject, options.repeats)
    print(kept_table(results))
    if options.json:
        rows = [{**asdict(result), "times_faster": result.times_faster} for result in results]
        content = {"environment": facts, "embedding": rows}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def subjects() -> list[Subject]:
    """HRMedSeg as published and in our recipe, the small RefSAM3D at two sizes and in our recipe."""
    from LightSegLib.models.build import build_network
    from LightSegLib.models.build_slices import build_slices
    from LightSegLib.networks import hrmedseg, refsam3d
    from LightSegLib.training.recipe import read_recipe

    recipe, volumes = read_recipe("hrmedseg-2d"), read_recipe("refsam3d-small")
    small = [
        Subject(
            f"RefSAM3D small, {n}",
            (1, n, n, n),
            lambda: refsam3d.published("small"),
            _ask_volume,
            _probability,
        )
        for n in (64, 96)
    ]
    return [
        Subject("HRMedSeg, published", (3, 1024, 1024), lambda: hrmedseg.published("hrmedseg"), _ask_slice),
        Subject(
            "HRMedSeg, hrmedseg-2d",
            (1, recipe.patch, recipe.patch),
            lambda: build_slices(recipe.architecture, recipe.patch).network,
            _ask_slice,
        ),
        *small,
        Subject(
            "RefSAM3D, refsam3d-small",
            (1, *[volumes.patch] * 3),
            lambda: build_network(volumes.architecture, volumes.patch),
            _ask_region,
            lambda logits: (logits > 0).float(),
        ),
    ]


def measure(subject: Subject, repeats: int) -> list[Kept]:
    """Time a network in float32 and, where the CPU has it, bfloat16."""
    import torch

    from LightSegLib.runtime.processor import has_fast_bfloat16

    torch.manual_seed(0)
    network = subject.build().eval()
    image = torch.randn(1, *subject.shape)
    place = torch.tensor([[[n // 3 for n in subject.shape[1:]]]], dtype=torch.float32)
    formats = [torch.float32, *([torch.bfloat16] if has_fast_bfloat16() else [])]
    return [_measure_in(subject, network, image, place, dtype, repeats) for dtype in formats]


def _measure_in(
    subject: Subject,
    network: Any,
    image: torch.Tensor,
    place: torch.Tensor,
    dtype: torch.dtype,
    repeats: int,
) -> Kept:
    import torch

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        embedding = network.encode(image)
        previous = subject.shown(subject.ask(network, embedding, place, None).float())
        works: list[Callable[[], Any]] = [
            lambda: network.encode(image),
            lambda: subject.ask(network, embedding, place, previous),
            lambda: subject.ask(network, network.encode(image), place, previous),
        ]
        times: list[list[float]] = [[] for _ in works]
        for number in range(repeats + 1):
            for work, own in zip(works, times, strict=True):
                began = time.perf_counter()
                work()
                if number:  # the first round warms up
                    own.append(time.perf_counter() - began)
    encode, decode, full = (statistics.median(own) for own in times)
    return Kept(subject.title, subject.shape, str(dtype).removeprefix("torch."), encode, decode, full)


def _ask_slice(
    network: Any, embedding: Any, place: torch.Tensor, previous: torch.Tensor | None
) -> torch.Tensor:
    answer: torch.Tensor = network.decode(embedding, place, place[..., 0] * 0 + 1, None, previous)
    return answer


def _ask_volume(
    network: Any, embedding: Any, place: torch.Tensor, previous: torch.Tensor | None
) -> torch.Tensor:
    labels = place[..., 0] * 0 + 1
    answer: torch.Tensor = network.decode(embedding, points=place, labels=labels, previous=previous)
    return answer


def _ask_region(
    network: Any, embedding: Any, place: torch.Tensor, previous: torch.Tensor | None
) -> torch.Tensor:
    import torch

    from LightSegLib.models.guidance import POSITIVE, PREVIOUS, draw_balls, empty_guidance

    drawn = empty_guidance(tuple(embedding.image.shape[2:]))
    draw_balls(drawn[POSITIVE], place[0].numpy())
    guidance = torch.from_numpy(drawn)[None]
    if previous is not None:
        guidance[:, PREVIOUS] = previous[:, 0]
    answer: torch.Tensor = network.decode(embedding, guidance).logits
    return answer


def _probability(logits: torch.Tensor) -> torch.Tensor:
    return logits.sigmoid()


def kept_table(results: Sequence[Kept]) -> str:
    """Markdown: one row per network and number format."""
    from Testing.Benchmarks.report import markdown

    rows = [["network", "input", "format", "encode", "full pass", "kept embedding", "times faster", "wanted"]]
    for result in results:
        times = (result.encode, result.full, result.decode)
        verdict = "OK" if result.times_faster >= WANTED else f"short of {WANTED:g}"
        rows.append(
            [
                result.title,
                " x ".join(map(str, result.shape)),
                result.precision,
                *(f"{1000 * seconds:.1f} ms" for seconds in times),
                f"{result.times_faster:.1f}",
                verdict,
            ]
        )
    return markdown(rows)


if __name__ == "__main__":
    # As in networks.py: this folder must not be searched, or `click.py` hides the package `click`.
    here = Path(__file__).resolve().parent
    sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != here)]
    sys.exit(main())
