"""What the image shows at a click, added to the click's token.

Source: the visual sampler of 3DSAM-adapter (arXiv 2306.13465, 2023), of which the reading of features at the
clicks is kept; here every level is read, and the tokens stay those of SAM beside it.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.refsam3d_prompts import Prompts


class ClickSampler(nn.Module):
    """Reads a level at the clicks, so that voxels can be compared with what was clicked on.

    Args:
        width: channels C of levels and tokens.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, width)

    def forward(self, level: Tensor, prompts: Prompts, places: Tensor) -> Prompts:
        """The same prompts with clicks that know the image.

        Args:
            level: (M, C, D, H, W), of one image or of as many as there are prompts.
            prompts: of N prompts; of one, it is repeated for each image.
            places: (N, P, 3), shares along (D, H, W), 0 to 1, of the clicks.
        """
        count = max(len(level), len(places))
        grid = (2 * places.flip(-1) - 1).expand(count, -1, -1)[:, :, None, None]
        shown = level.float().expand(count, -1, -1, -1, -1)
        seen = functional.grid_sample(shown, grid, padding_mode="border", align_corners=False)
        seen = self.project(seen.flatten(2).transpose(1, 2)).to(prompts.tokens.dtype)
        behind = prompts.tokens.shape[1] - prompts.first_click - seen.shape[1]
        tokens = prompts.tokens + functional.pad(seen, (0, 0, prompts.first_click, behind))
        return prompts._replace(tokens=tokens, mask=prompts.mask.expand(count, -1))
