"""The two-way transformer of SAM's decoder: tokens look at the image, and the image looks back.

Source: Kirillov et al., "Segment Anything" (arXiv 2304.02643), appendix A, with the thinner feed-forward
layer of HRMedSeg (arXiv 2504.06205). That paper's look on several scales is the option `pooled_keys`.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.hrmedseg_config import HRMedSegConfig
from LightSegLib.networks.hrmedseg_rotary import Grid


class Attention(nn.Module):
    """Multi-head attention at an inner width.

    Args:
        channels: of inputs and output.
        heads: of the inner width.
        divisor: the inner width is the channels divided by it.
    """

    def __init__(self, channels: int, heads: int, divisor: int = 1) -> None:
        super().__init__()
        inner = channels // divisor
        self.heads = heads
        self.q_proj = nn.Linear(channels, inner)
        self.k_proj = nn.Linear(channels, inner)
        self.v_proj = nn.Linear(channels, inner)
        self.out_proj = nn.Linear(inner, channels)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The answer (B, Q, C) to queries (B, Q, C) from keys and values (B, K, C)."""
        q, k, v = self.q_proj(queries), self.k_proj(keys), self.v_proj(values)
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (q, k, v))
        return self.out_proj(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Two linear layers with ReLU between them."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(channels, inner)
        self.lin2 = nn.Linear(inner, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Compute (B, T, C)."""
        return self.lin2(functional.relu(self.lin1(tokens)))


class TwoWayLayer(nn.Module):
    """Tokens attend to themselves and to the image, pass an MLP, and the image attends to them.

    Args:
        config: the network's settings.
        first: whether it is the first layer, where tokens are their own positions.
    """

    def __init__(self, config: HRMedSegConfig, first: bool) -> None:
        super().__init__()
        width, heads = config.embedding_ch, config.decoder_heads
        self.first = first
        self.pools = config.pooled_keys
        self.self_attn = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn_token_to_image = Attention(width, heads, 2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, config.decoder_mlp)
        self.norm3 = nn.LayerNorm(width)
        self.norm4 = nn.LayerNorm(width)
        self.cross_attn_image_to_token = Attention(width, heads, 2)

    def forward(
        self, tokens: Tensor, image: Tensor, token_places: Tensor, image_places: Tensor, grid: Grid
    ) -> tuple[Tensor, Tensor]:
        """Tokens (B, T, C) and image (B, L, C) after the layer; the places are added to queries and keys."""
        if self.first:
            tokens = self.norm1(self.self_attn(tokens, tokens, tokens))
        else:
            placed = tokens + token_places
            tokens = self.norm1(tokens + self.self_attn(placed, placed, tokens))
        placed_image = image + image_places
        seen = add_pools(image, self.pools, grid)
        keys = placed_image if seen is image else seen + image_places
        answer = self.cross_attn_token_to_image(tokens + token_places, keys, seen)
        tokens = self.norm2(tokens + answer)
        tokens = self.norm3(tokens + self.mlp(tokens))
        answer = self.cross_attn_image_to_token(placed_image, tokens + token_places, tokens)
        return tokens, self.norm4(image + answer)


class TwoWayTransformer(nn.Module):
    """The layers, and a last look of the tokens at the image.

    Args:
        config: the network's settings.
    """

    def __init__(self, config: HRMedSegConfig) -> None:
        super().__init__()
        width = config.embedding_ch
        self.pools = config.pooled_keys
        self.layers = nn.ModuleList(TwoWayLayer(config, index == 0) for index in range(config.decoder_depth))
        self.final_attn_token_to_image = Attention(width, config.decoder_heads, 2)
        self.norm_final_attn = nn.LayerNorm(width)

    def forward(
        self, tokens: Tensor, image: Tensor, image_places: Tensor, grid: Grid
    ) -> tuple[Tensor, Tensor]:
        """Compute tokens and image.

        Args:
            tokens: (B, T, C).
            image: (B, L, C), the image embedding in raster order.
            image_places: (1, L, C), positional embedding of its cells.
            grid: rows and columns; their product is L.

        Returns:
            Tokens (B, T, C) and image (B, L, C).
        """
        places = tokens
        for layer in self.layers:
            tokens, image = layer(tokens, image, places, image_places, grid)
        seen = add_pools(image, self.pools, grid)
        answer = self.final_attn_token_to_image(tokens + places, seen + image_places, seen)
        return self.norm_final_attn(tokens + answer), image


def add_pools(image: Tensor, edges: tuple[int, ...], grid: Grid) -> Tensor:
    """An image (B, L, C) with what average pools of several sizes add to it: k + sum_i (pool_i(k) - k).

    Args:
        image: tokens in raster order.
        edges: odd edges of the pools in cells; without any, the image is returned as it is.
        grid: rows and columns.
    """
    if not edges:
        return image
    cells = image.unflatten(1, grid).permute(0, 3, 1, 2)
    added = cells
    for edge in edges:
        # Cells beyond the rim do not count, so that a constant image stays as it is.
        mean = functional.avg_pool2d(cells, edge, stride=1, padding=edge // 2, count_include_pad=False)
        added = added + mean - cells
    return added.permute(0, 2, 3, 1).flatten(1, 2)
