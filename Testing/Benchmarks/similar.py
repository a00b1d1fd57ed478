"""Measure how many look-alikes of one segmented object are found: vertebrae, and synthetic lesions.

    python Testing/Benchmarks/similar.py --data DATA     lumbar vertebrae of the validation split, and lesions
    python Testing/Benchmarks/similar.py --seeds 1 2 3   lesions only, which need no data

The simulated user clicks three times on one object, the example. Then `session.find_similar` proposes the
others. A proposal is right if its Dice with an object that no better proposal has found is at least 0.5.
Recall is the share of the other objects that were found, precision the share of the proposals that are right.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from LightSegLib import InteractiveSession
    from LightSegLib.geometry import Volume
    from LightSegLib.similar.proposals import SimilarObject
    from LightSegLib.similar.settings import SimilarSettings

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "lumbar_vertebrae_mr"
CLICKS = 3
RIGHT_DICE = 0.5


@dataclass(frozen=True)
class Outcome:
    """What came of one example.

    Attributes:
        scene: which kind of image.
        example_dice: of the example's mask after the clicks.
        wanted: other objects in the image.
        dice: of each right proposal.
        proposals: confidence of each, the highest first, and whether it is right.
        seconds: of the search.
    """

    scene: str
    example_dice: float
    wanted: int
    dice: tuple[float, ...]
    proposals: tuple[tuple[float, bool], ...]
    seconds: float


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="similar.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", default="veloxseg-small", help="bundled model or model folder (%(default)s)"
    )
    parser.add_argument("--data", help=f"folder of the data set that has {SOURCE}; without it lesions only")
    parser.add_argument("--split", default="val", choices=("val", "train"), help="of the data set (val)")
    parser.add_argument("--cases", type=int, metavar="N", help="cases at most, the first ones")
    parser.add_argument(
        "--examples", type=int, default=2, metavar="N", help="examples per image (%(default)s)"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="*", default=[1, 2, 3], help="of the synthetic lesions (%(default)s)"
    )
    parser.add_argument("--texture", type=float, default=14.0, help="of the background (%(default)s)")
    parser.add_argument("--limit", type=int, default=20, help="proposals at most (%(default)s)")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="of SimilarSettings"
    )
    parser.add_argument("--threads", type=int, help="CPU threads (LightSeg's own choice)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table; returns the exit status."""
    sys.path.insert(0, str(ROOT))
    from Testing.Benchmarks.command import run_command

    return run_command("similar.py", parse(arguments), benchmark)


def benchmark(options: argparse.Namespace) -> None:
    """Measure all scenes."""
    from LightSegLib import InteractiveSession, load_model

    model = load_model(options.model, device="cpu")
    settings = chosen_settings(options.set)
    outcomes: list[Outcome] = []
    for scene, name, volume, labels in scenes(options):
        session = InteractiveSession(model)
        values = sorted(set(labels.ravel().tolist()) - {0})
        count = min(options.examples, len(values))
        for value in [values[int((n + 0.5) * len(values) / count)] for n in range(count)]:
            session.set_image(volume)
            outcomes.append(
                outcome(session, volume.spacing_ijk, scene, labels, value, options.limit, settings)
            )
            print(f"{name}, example {value}: {describe(outcomes[-1])}", file=sys.stderr, flush=True)
    print(table(outcomes))


def chosen_settings(pairs: Sequence[str]) -> SimilarSettings:
    """The usual settings, with those of NAME=VALUE changed."""
    import ast

    from LightSegLib.similar.settings import SimilarSettings

    changes = {name: ast.literal_eval(value) for name, _, value in (pair.partition("=") for pair in pairs)}
    return replace(SimilarSettings(), **changes)


def scenes(options: argparse.Namespace) -> Iterator[tuple[str, str, Volume, NDArray[np.integer]]]:
    """Kind, name, image and label map of every image."""
    if options.data:
        from LightSegLib.evaluation.dataset import DataSet

        for case in DataSet.open(options.data).cases(SOURCE, options.split, options.cases):
            loaded = case.load()
            yield "vertebrae", case.case_id, loaded.volume, loaded.labels
    from Testing.Benchmarks.lesions import Lesions

    for seed in options.seeds:
        lesions = Lesions(seed, texture=options.texture)
        yield "lesions", f"seed {seed}", lesions.volume, lesions.labels


def outcome(
    session: InteractiveSession,
    spacing_ijk: Sequence[float],
    scene: str,
    labels: NDArray[np.integer],
    example: int,
    limit: int,
    settings: SimilarSettings,
) -> Outcome:
    """Click on one object, and compare what is found with the others."""
    from LightSegLib.evaluation.simulated_user import SimulatedUser

    truth = labels == example
    user = SimulatedUser(truth, spacing_ijk)
    for _ in range(CLICKS):
        click = user.next_click(session.mask)
        if click is not None:
            session.add_point(click.ijk, click.positive)
    began = time.perf_counter()
    found = session.find_similar(limit, settings=settings)
    seconds = time.perf_counter() - began
    others = sorted(set(labels.ravel().tolist()) - {0, example})
    dice, right = matched(found, labels, others)
    own = 2 * (session.mask & truth).sum() / (session.mask.sum() + truth.sum())
    proposals = tuple((one.confidence, hit) for one, hit in zip(found, right, strict=True))
    return Outcome(scene, float(own), len(others), tuple(dice), proposals, seconds)


def matched(
    found: Sequence[SimilarObject], labels: NDArray[np.integer], others: Sequence[int]
) -> tuple[list[float], list[bool]]:
    """Dice of each right proposal, and which of the proposals are right."""
    left, dice, right = set(others), [], []
    for one in found:
        inside = labels[one.box.slices]
        scores = {
            value: 2 * (one.mask & (inside == value)).sum() / (one.mask.sum() + (labels == value).sum())
            for value in left
        }
        best = max(scores, key=lambda value: scores[value], default=0)
        hit = best in scores and bool(scores[best] >= RIGHT_DICE)
        if hit:
            left.remove(best)
            dice.append(float(scores[best]))
        right.append(hit)
    return dice, right


def describe(one: Outcome) -> str:
    """An outcome in a line."""
    marks = " ".join(f"{confidence:.2f}{'+' if hit else '-'}" for confidence, hit in one.proposals)
    return (
        f"Dice {one.example_dice:.2f}; {len(one.dice)} of {one.wanted} found, "
        f"{len(one.proposals)} proposals [{marks}], {one.seconds:.1f} s"
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown: recall, precision, Dice and seconds of each kind of image, at several confidences."""
    from Testing.Benchmarks.report import markdown

    rows = [["scene", "examples", "confidence", "recall", "precision", "Dice of found", "seconds"]]
    for scene in dict.fromkeys(one.scene for one in outcomes):
        own = [one for one in outcomes if one.scene == scene]
        wanted = sum(one.wanted for one in own)
        dice = [score for one in own for score in one.dice]
        for above in (0.0, 0.3, 0.4, 0.5, 0.6, 0.7):
            kept = [hit for one in own for confidence, hit in one.proposals if confidence >= above]
            precision = f"{sum(kept) / len(kept):.2f}" if kept else "-"
            rows.append([scene, str(len(own)), f"{above:.1f}", f"{sum(kept) / wanted:.2f}", precision])
            rows[-1] += [f"{sum(dice) / len(dice):.2f}" if dice and not above else ""]
            rows[-1] += ["" if above else f"{sum(one.seconds for one in own) / len(own):.1f}"]
    return markdown(rows)


if __name__ == "__main__":
    sys.exit(main())
