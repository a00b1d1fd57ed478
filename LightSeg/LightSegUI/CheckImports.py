"""Run by Slicer's Python in a process of its own: imports packages and says how it went.

    PythonSlicer CheckImports.py numpy torch ...

The last line of output is JSON: for each name a version or an error. Standard library only.
"""

import importlib
import json
import sys

MARK = "LightSeg-imports: "


def check(name: str) -> dict:
    """Import one package, and try what a bare import does not show."""
    try:
        module = importlib.import_module(name)
        if name == "torch":
            return {"version": str(module.__version__), **_tryTorch(module)}
        return {"version": str(getattr(module, "__version__", "?"))}
    except BaseException as error:  # whatever happens is the answer, SystemExit included
        return {"error": f"{type(error).__name__}: {error}"}


def _tryTorch(torch) -> dict:
    """A convolution and the way from numpy: torch for numpy 1 imports beside numpy 2 but fails here."""
    import numpy

    image = torch.from_numpy(numpy.zeros((1, 1, 4, 4, 4), dtype=numpy.float32))
    torch.nn.functional.conv3d(image, torch.zeros(1, 1, 3, 3, 3)).numpy()
    return {"cuda": str(torch.version.cuda or "")}


if __name__ == "__main__":
    answers = {name: check(name) for name in sys.argv[1:]}
    sys.stdout.write(f"\n{MARK}{json.dumps(answers)}\n")
