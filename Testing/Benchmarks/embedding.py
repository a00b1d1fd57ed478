"""Time a click on a kept embedding against a look at the image anew, for the networks that can keep one.

    python Testing/Benchmarks/embedding.py
    python Testing/Benchmarks/embedding.py --network "RefSAM3D, base" --threads 1
    python Testing/Benchmarks/embedding.py --network "RefSAM3D small" --repeats 15 --json embedding.json

Random weights, random input, one positive click and the previous answer as prompts. A full pass encodes and
decodes; a kept embedding leaves the decoder. Both are measured in turns in one process, so that whatever else
the machine does bears on both; the tables show medians. "times faster" is the full pass over the decoder.

A network that takes long is measured in fewer rounds: in each number format no further one begins once a
minute is spent, warming up included, but two are measured in any case. The table says how many there were.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from Testing.Benchmarks.embedding_subjects import Subject

ROOT = Path(__file__).resolve().parents[2]
WANTED = 3.0
"""Times that a click on a kept embedding should be faster."""
ENOUGH_SECONDS = 60.0
"""After these no further round begins..."""
FEWEST_ROUNDS = 2
"""...unless fewer than these are measured."""


@dataclass(frozen=True)
class Kept:
    """Median seconds of one network in one number format.

    Attributes:
        title: the network.
        shape: of the input.
        precision: "float32" or "bfloat16".
        rounds: measurements behind each median.
        encode: looking at the image.
        decode: a click on a kept embedding.
        full: both.
    """

    title: str
    shape: tuple[int, ...]
    precision: str
    rounds: int
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
    parser.add_argument("--repeats", type=int, default=9, metavar="N", help="rounds at most (%(default)s)")
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
    from Testing.Benchmarks.embedding_subjects import subjects
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


def measure(subject: Subject, repeats: int) -> list[Kept]:
    """Time a network in float32 and, where the CPU has it, bfloat16."""
    import torch

    torch.manual_seed(0)
    network = subject.build().eval()
    image = torch.randn(1, *subject.shape)
    place = torch.tensor([[[n // 3 for n in subject.shape[1:]]]], dtype=torch.float32)
    return [_measure_in(subject, network, image, place, precision, repeats) for precision in precisions()]


def precisions() -> tuple[str, ...]:
    """The number formats that this CPU is fast in."""
    from LightSegLib.runtime.processor import has_fast_bfloat16

    return ("float32", "bfloat16") if has_fast_bfloat16() else ("float32",)


def _measure_in(
    subject: Subject, network: Any, image: torch.Tensor, place: torch.Tensor, precision: str, repeats: int
) -> Kept:
    import torch

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        began = perf_counter()
        embedding = network.encode(image)
        previous = subject.shown(subject.ask(network, embedding, place, None).float())
        subject.ask(network, embedding, place, previous)  # now everything is warm
        rounds: list[tuple[float, float, float]] = []
        while len(rounds) < repeats and (
            len(rounds) < FEWEST_ROUNDS or perf_counter() - began < ENOUGH_SECONDS
        ):
            rounds.append(_round(subject, network, image, place, embedding, previous))
    encode, decode, full = map(statistics.median, zip(*rounds, strict=True))
    return Kept(subject.title, subject.shape, precision, len(rounds), encode, decode, full)


def _round(
    subject: Subject,
    network: Any,
    image: torch.Tensor,
    place: torch.Tensor,
    embedding: Any,
    previous: torch.Tensor,
) -> tuple[float, float, float]:
    """Seconds of the encoder, of a click on the kept embedding, and of a full pass."""
    began = perf_counter()
    subject.ask(network, embedding, place, previous)
    clicked = perf_counter()
    fresh = network.encode(image)
    encoded = perf_counter()
    subject.ask(network, fresh, place, previous)
    return encoded - clicked, clicked - began, perf_counter() - clicked


def kept_table(results: Sequence[Kept]) -> str:
    """Markdown: one row per network and number format."""
    from Testing.Benchmarks.report import markdown

    times_of = ["encode", "full pass", "kept embedding"]
    rows = [["network", "input", "format", "rounds", *times_of, "times faster", "wanted"]]
    for result in results:
        times = (result.encode, result.full, result.decode)
        verdict = "OK" if result.times_faster >= WANTED else f"short of {WANTED:g}"
        rows.append(
            [
                result.title,
                " x ".join(map(str, result.shape)),
                result.precision,
                str(result.rounds),
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
