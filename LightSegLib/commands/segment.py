"""`lightseg segment`: prompts on an image file become a mask file."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LightSegLib.commands import written_prompts as written
from LightSegLib.commands.console import OK, progress, say, say_json
from LightSegLib.commands.finding_similar import add_similar
from LightSegLib.commands.loading import ready_model
from LightSegLib.commands.options import add_command, add_json, add_model, at_least_one
from LightSegLib.errors import ImageFileError, LightSegError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from LightSegLib.commands.options import Commands
    from LightSegLib.geometry import Volume
    from LightSegLib.session import Change, InteractiveSession

MOST_SIMILAR = 20
"""Objects that --similar proposes at most where no number is given."""
MISSING = "-"
"""In place of an image: it was not acquired."""

_EXAMPLE = """\
lightseg segment case.nii.gz --point -32.5,14,108 --point -20,30,108,- -o mask.nii.gz
lightseg segment case.nrrd --ijk --box 40,52,10,88,97,31 --json -o mask.nrrd
lightseg segment spine.nii.gz --point 4,-18,95 --similar 8 -o vertebrae.nii.gz"""
_DETAILS = """\
Prompts are applied in the order they are written. Positions are RAS in mm, or voxel indices with --ijk.
A box in mm is any two opposite corners; with --ijk it is the first voxel and one past the last.
Models of several channels take several images, such as CT.nii.gz PET.nii.gz; - stands for one that was not
acquired.
With --similar the output is 1 where the prompts' segment is, and 2, 3, ... where something looks like it, the
most confident first."""


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "segment", run, "Segment an image file from prompts.", _EXAMPLE, _DETAILS)
    parser.add_argument(
        "images",
        nargs="+",
        type=Path,
        metavar="IMAGE",
        help="NIfTI, NRRD or MHA, or a DICOM folder; several are channels, on the grid of the first",
    )
    for name, kind, form, explanation in (
        ("--point", written.point, "R,A,S", "a click; outside the structure with ,- at its end"),
        ("--box", written.box, "R,A,S,R,A,S", "a box around the structure"),
        (
            "--scribble",
            written.scribble,
            '"R,A,S;..."',
            "a line through these positions; outside with ,- at its end",
        ),
        (
            "--text",
            written.text,
            "NAME",
            "the structure's name, for models that take text; a further one begins a further segment",
        ),
    ):
        parser.add_argument(
            name, dest="prompts", action=written.InOrder, type=kind, metavar=form, help=explanation
        )
    parser.add_argument(
        "--series", metavar="NAME", help="UID or description of the series, for a DICOM folder with several"
    )
    parser.add_argument("--ijk", action="store_true", help="positions are voxel indices, i fastest")
    parser.add_argument(
        "--initial", type=Path, metavar="MASK", help="a mask to start from, before any prompt"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MASK", help="the mask to write")
    parser.add_argument("--force", action="store_true", help="replace the output if it exists")
    parser.add_argument(
        "--similar",
        type=at_least_one,
        nargs="?",
        const=MOST_SIMILAR,
        metavar="N",
        help="then also find what looks like the last segment, at most N objects (%(const)s), a segment each",
    )
    add_model(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Segment an image."""
    from LightSegLib.channels import stack_channels
    from LightSegLib.geometry import Volume
    from LightSegLib.session import InteractiveSession

    if not arguments.prompts:
        raise LightSegError("There is no prompt", "", "Add at least one --point, --box, --scribble or --text")
    check_output(arguments.output, arguments.images, arguments.force)
    with progress("Reading the image"):
        read = [
            None if str(path) == MISSING else Volume.read(path, arguments.series) for path in arguments.images
        ]
        volume = stack_channels(read)
        initial = _initial(arguments.initial, volume)
    model, warm_up_seconds = ready_model(arguments.model, arguments.device)
    session = InteractiveSession(model)
    session.set_image(volume)
    if initial is not None:
        session.set_mask(initial)
    steps = _apply_all(arguments, session, volume)
    whole = _size(session, volume)
    alike = None if arguments.similar is None else add_similar(session, arguments.similar, arguments.json)
    _write(session, volume, arguments.output)
    if arguments.json:
        say_json(
            {
                "images": [str(path) for path in arguments.images],
                "output": str(arguments.output),
                "model": model.card.id,
                "device": model.device,
                "load_seconds": model.load_seconds,
                "warm_up_seconds": warm_up_seconds,
                "prompts": steps,
                **whole,
                **({} if alike is None else {"similar": alike}),
            }
        )
    else:
        say(f"Written {arguments.output}")
    return OK


def check_output(output: Path, images: Sequence[Path], force: bool) -> None:
    """Find out before the work whether the mask can be written where it should.

    Raises:
        ImageFileError: it is one of the images, it exists and `force` is false, or it has no known ending.
    """
    from LightSegLib.image_files import WRITABLE

    if not output.name.lower().endswith(WRITABLE):
        raise ImageFileError(
            f"{output} has no ending of a known image format", "", f"Choose one of {', '.join(WRITABLE)}"
        )
    if not output.parent.is_dir():
        raise ImageFileError(f"The folder {output.parent} does not exist", "", "Create it or choose another")
    if not output.exists():
        return
    if any(image.exists() and output.samefile(image) for image in images):
        raise ImageFileError(
            f"The output {output} is the image itself", "It would be lost", "Choose another name for the mask"
        )
    if output.is_dir():
        raise ImageFileError(f"The output {output} is a folder", "", "Give the name of a file")
    if not force:
        raise ImageFileError(f"{output} exists", "", "Choose another name, or replace it with --force")


def _initial(path: Path | None, volume: Volume) -> Any:
    """The voxels of a mask file that lies on the image's grid, or None."""
    import numpy as np

    if path is None:
        return None
    mask = type(volume).read(path)
    same = mask.shape_ijk == volume.shape_ijk
    if not same or not np.allclose(mask.ijk_to_ras, volume.ijk_to_ras, atol=1e-2):
        raise ImageFileError(
            f"The mask {path} does not lie on the grid of the image",
            f"It has {mask.shape_ijk} voxels, the image {volume.shape_ijk}" + ", elsewhere in space" * same,
            "Resample it to the image first",
        )
    return mask.channel(0)


def _apply_all(
    arguments: argparse.Namespace, session: InteractiveSession, volume: Volume
) -> list[dict[str, Any]]:
    """Apply the prompts; without --json tell what came of each."""
    steps: list[dict[str, Any]] = []
    for number, prompt in enumerate(arguments.prompts, start=1):
        if prompt.kind == "text" and session.prompts.text is not None:
            session.add_segment()
        with progress(f"Prompt {number} of {len(arguments.prompts)}"):
            change = written.apply(prompt, session, volume, arguments.ijk)
        step = _step(session, change, prompt.kind, volume)
        steps.append(step)
        if not arguments.json:
            say(
                f"{number:3} {prompt.kind:8} {prompt.sign} {1000 * change.seconds:6.0f} ms  "
                f"{step['voxels']:9} voxels  {step['ml']:9.2f} ml  confidence {change.confidence:.2f}"
            )
    return steps


def _step(session: InteractiveSession, change: Change, kind: str, volume: Volume) -> dict[str, Any]:
    """What a prompt did, as JSON types; the box is half open, (i, j, k)."""
    return {
        "prompt": kind,
        "box": {"lower_ijk": list(change.box.lower), "upper_ijk": list(change.box.upper)},
        "seconds": change.seconds,
        "network_seconds": change.network_seconds,
        "confidence": change.confidence,
        "segment": change.segment,
        **_size(session, volume),
    }


def _size(session: InteractiveSession, volume: Volume) -> dict[str, Any]:
    """Voxels and millilitres of the mask so far."""
    voxels = int(session.mask.sum())
    return {"voxels": voxels, "ml": voxels * math.prod(volume.spacing_ijk) / 1000}


def _write(session: InteractiveSession, volume: Volume, output: Path) -> None:
    from LightSegLib.image_files import write_mask

    with progress("Writing the mask"):
        write_mask(_labels(session), volume, output)


def _labels(session: InteractiveSession) -> Any:
    """The mask, or for several segments their numbers, 1 for the first; where they overlap the later one."""
    import numpy as np

    if len(session.segments) == 1:
        return session.mask
    labels = np.zeros(session.mask.shape, np.uint8)
    for number, name in enumerate(session.segments, start=1):
        labels[session.segment_mask(name)] = number
    return labels
