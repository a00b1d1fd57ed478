"""What an installation would do, decided from what is missing, the computer and the user's choice.

Nothing here has an effect: the plan is what the user is shown before agreeing to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from LightSegUI import PathLength, PyTorchExtension
from LightSegUI.Dependencies import BROKEN, NEW, NUMPY_FOR_OLD_TORCH, OLD, TORCH, TORCH_MINIMUM, Missing
from LightSegUI.Machine import Machine
from LightSegUI.Translation import tr as _
from LightSegUI.Wheelhouse import Wheelhouse

CPU, GPU = "cpu", "gpu"

PACKAGES, EXTENSION, TORCH_STEP, NUMPY = "packages", "extension", "torch", "numpy"
"""Kinds of steps, in the order in which they are taken."""

ROOM = {CPU: 2 * 10**9, GPU: 8 * 10**9}
"""Bytes that PyTorch takes on the disk while it is installed, about."""


@dataclass(frozen=True)
class Choice:
    """What the user may choose.

    Attributes:
        computeOn: CPU or GPU.
        wheelFolder: the folder of wheels to install from, "" to install from the internet.
    """

    computeOn: str = CPU
    wheelFolder: str = ""


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        kind: PACKAGES, EXTENSION, TORCH_STEP or NUMPY.
        title: for the user.
        requirements: for pip; for TORCH_STEP through the extension, the one version requirement.
        options: more of pip's options.
        repair: whether what is there has to be replaced although pip takes it for complete.
    """

    kind: str
    title: str
    requirements: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    repair: bool = False


@dataclass(frozen=True)
class Plan:
    """What would be done.

    Attributes:
        steps: in order; empty if nothing is missing.
        notices: what the user should know, one sentence or two each.
        problems: what stands in the way; with any of them nothing is done.
    """

    steps: tuple[Step, ...] = ()
    notices: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())


def makePlan(
    missing: Iterable[Missing], machine: Machine, choice: Choice, extensionState: str = PyTorchExtension.READY
) -> Plan:
    """Decide what to do.

    Args:
        missing: what is not there as it should be.
        machine: this computer.
        choice: what the user wants.
        extensionState: of the PyTorch extension.
    """
    lacking = {item.name: item for item in missing}
    wheels = Wheelhouse(choice.wheelFolder) if choice.wheelFolder else None
    steps = [
        *_packageSteps(lacking, machine, wheels),
        *(_torchSteps(lacking, machine, choice, extensionState) if wheels is None else ()),
        *_numpySteps(lacking, machine, wheels),
    ]
    return Plan(
        tuple(steps),
        tuple(_notices(lacking, machine, choice)),
        tuple(_problems(lacking, machine, wheels, steps, extensionState)),
    )


def torchVersions(machine: Machine) -> str:
    """The versions of PyTorch that this computer can take, as pip writes them."""
    if machine.isIntelMac:
        return f">={TORCH_MINIMUM},<2.3"  # the last that exists for Intel Macs
    if not PathLength.deepTorchFits(machine):
        return f">={TORCH_MINIMUM},<{PathLength.FIRST_DEEP}"
    return f">={TORCH_MINIMUM}"


def cpuOnly(machine: Machine, choice: Choice) -> bool:
    """Whether PyTorch's build without GPU support is the one to take."""
    return choice.computeOn != GPU or not machine.mayUseGpu


def _packageSteps(lacking: dict[str, Missing], machine: Machine, wheels: Wheelhouse | None) -> list[Step]:
    """What pip installs; broken packages on their own, because replacing must not replace what they need."""
    options = tuple(wheels.pipOptions()) if wheels is not None else ()
    title = _("Packages from the folder of wheels") if wheels is not None else _("Packages")
    wanted = {
        name: item.dependency.requirement
        for name, item in lacking.items()
        if name != TORCH and not (item.dependency.bySlicer and item.problem in (OLD, NEW))
    }
    if wheels is not None and TORCH in lacking:
        wanted[TORCH] = f"{TORCH}{torchVersions(machine)}"
    broken = tuple(wanted.pop(name) for name in list(wanted) if lacking[name].problem == BROKEN)
    steps = []
    if broken:
        options_ = ("--force-reinstall", "--no-deps", *options)
        steps.append(Step(PACKAGES, _("Repair of packages"), broken, options_, repair=True))
    if wanted or broken:
        steps.append(Step(PACKAGES, title, (*wanted.values(), *broken), options))
    return steps


def _torchSteps(
    lacking: dict[str, Missing], machine: Machine, choice: Choice, extensionState: str
) -> list[Step]:
    if TORCH not in lacking:
        return []
    steps = []
    if extensionState == PyTorchExtension.ABSENT:
        steps.append(Step(EXTENSION, _("Slicer's PyTorch extension; Slicer restarts once")))
    title = _("PyTorch for the CPU") if cpuOnly(machine, choice) else _("PyTorch for the NVIDIA GPU")
    repair = lacking[TORCH].problem == BROKEN
    steps.append(Step(TORCH_STEP, title, (torchVersions(machine),), repair=repair))
    return steps


def _numpySteps(lacking: dict[str, Missing], machine: Machine, wheels: Wheelhouse | None) -> list[Step]:
    """Last of all, so that nothing that is installed afterwards brings numpy 2 back."""
    if not _numpyMustBeOld(lacking, machine):
        return []
    options = tuple(wheels.pipOptions()) if wheels is not None else ()
    return [Step(NUMPY, _("numpy before version 2"), (f"numpy{NUMPY_FOR_OLD_TORCH}",), options)]


def _numpyMustBeOld(lacking: dict[str, Missing], machine: Machine) -> bool:
    numpy = lacking.get("numpy")
    return (numpy is not None and numpy.problem == NEW) or (machine.isIntelMac and TORCH in lacking)


def _notices(lacking: dict[str, Missing], machine: Machine, choice: Choice) -> list[str]:
    notices = []
    if _numpyMustBeOld(lacking, machine):
        notices.append(
            _(
                "PyTorch for Intel Macs, and for Slicer under Rosetta, ends at version 2.2, which needs "
                "numpy before version 2. LightSeg replaces Slicer's numpy as the last step, and Slicer has "
                "to restart then. Extensions that ask for numpy 2 will not work beside it."
            )
        )
    if TORCH in lacking:
        if not PathLength.deepTorchFits(machine) and PathLength.flatTorchFits(machine):
            notices.append(PathLength.describeLimit(machine))
        room = ROOM[CPU if cpuOnly(machine, choice) else GPU]
        if machine.freeBytes is not None and machine.freeBytes < room:
            notices.append(
                _("There are {free:.1f} GB free on the disk; PyTorch takes about {room:.0f} GB.").format(
                    free=machine.freeBytes / 1e9, room=room / 1e9
                )
            )
    broken = [name for name, item in lacking.items() if item.problem == BROKEN]
    if broken:
        notices.append(
            _("An earlier installation of {names} broke off. It is installed again.").format(
                names=", ".join(broken)
            )
        )
    return notices


def _problems(
    lacking: dict[str, Missing],
    machine: Machine,
    wheels: Wheelhouse | None,
    steps: list[Step],
    extensionState: str,
) -> list[str]:
    problems = []
    tooOld = [item for item in lacking.values() if item.dependency.bySlicer and item.problem == OLD]
    if tooOld:
        problems.append(
            _("{package}. It comes with Slicer. Install Slicer 5.10 or later.").format(
                package=tooOld[0].describe()
            )
        )
    if not machine.canWrite:
        problems.append(
            _(
                "The folder {folder} cannot be written to. Install Slicer into a folder of your own, or "
                "ask the administrator to install these packages once."
            ).format(folder=machine.sitePackages)
        )
    if TORCH in lacking and not PathLength.flatTorchFits(machine):
        problems.append(PathLength.describeImpossible(machine))
    if wheels is not None:
        problems += _problemsOfWheels(wheels, machine, steps)
    elif TORCH in lacking and extensionState == PyTorchExtension.RESTART:
        problems.append(
            _(
                "The PyTorch extension is installed but not active yet. Restart Slicer; this window opens "
                "again then."
            )
        )
    elif TORCH in lacking and extensionState == PyTorchExtension.DISABLED:
        problems.append(
            _(
                "The PyTorch extension is installed but switched off. Switch it on in View > Extensions "
                "Manager > Manage Extensions, and restart Slicer."
            )
        )
    return problems


def _problemsOfWheels(wheels: Wheelhouse, machine: Machine, steps: list[Step]) -> list[str]:
    if not wheels.exists:
        return [_("The folder {folder} does not exist.").format(folder=wheels.folder)]
    names = [requirement.split(">")[0].split("<")[0] for step in steps for requirement in step.requirements]
    lacking = wheels.lacks(names)
    if not lacking:
        return []
    return [
        _(
            "The folder {folder} has no wheel of {names}. Make it on a computer of the same kind that has "
            "internet, with the same Slicer: {command}"
        ).format(folder=wheels.folder, names=", ".join(lacking), command=downloadCommand(machine, steps))
    ]


def downloadCommand(machine: Machine, steps: Iterable[Step]) -> str:
    """What fills a folder of wheels, to be typed where there is internet."""
    packages = [f'"{requirement}"' for step in steps for requirement in step.requirements if not step.repair]
    # Linux gets gigabytes of CUDA otherwise.
    cpu = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"] if machine.system == "Linux" else []
    return " ".join(["PythonSlicer -m pip download --dest wheels --only-binary=:all:", *cpu, *packages])
