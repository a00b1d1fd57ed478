"""Small SAM networks with random weights, in folders as transformers writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

SIZE = 64
CARD = "---\nlicense: apache-2.0\ntags:\n- vision\n---\n# A SAM\n"
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]


def tiny_sam() -> Any:
    """A `SamModel` for squares of 64 pixels, of some ten thousand weights."""
    from transformers import (
        SamConfig,
        SamMaskDecoderConfig,
        SamModel,
        SamPromptEncoderConfig,
        SamVisionConfig,
    )

    vision = SamVisionConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIZE,
        patch_size=8,
        output_channels=16,
        window_size=4,
        global_attn_indexes=[1],
        mlp_dim=32,
        num_pos_feats=8,
    )
    prompts = SamPromptEncoderConfig(hidden_size=16, image_size=SIZE, patch_size=8, mask_input_channels=8)
    decoder = SamMaskDecoderConfig(
        hidden_size=16,
        mlp_dim=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        attention_downsample_rate=1,
        iou_head_hidden_dim=16,
    )
    torch.manual_seed(0)
    config = SamConfig(
        vision_config=vision.to_dict(),
        prompt_encoder_config=prompts.to_dict(),
        mask_decoder_config=decoder.to_dict(),
    )
    return _lively(SamModel(config))


def tiny_sam2() -> Any:
    """A `Sam2Model` for squares of 64 pixels."""
    from transformers import (
        Sam2Config,
        Sam2HieraDetConfig,
        Sam2MaskDecoderConfig,
        Sam2Model,
        Sam2PromptEncoderConfig,
        Sam2VisionConfig,
    )

    backbone = Sam2HieraDetConfig(
        hidden_size=8,
        num_attention_heads=1,
        image_size=[SIZE, SIZE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[4, 4, 2, 2],
        window_positional_embedding_background_size=[4, 4],
        global_attention_blocks=[3],
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone.to_dict(),
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        fpn_hidden_size=32,
    )
    prompts = Sam2PromptEncoderConfig(hidden_size=32, image_size=SIZE, patch_size=16, mask_input_channels=8)
    decoder = Sam2MaskDecoderConfig(
        hidden_size=32, mlp_dim=32, num_hidden_layers=1, num_attention_heads=2, iou_head_hidden_dim=16
    )
    torch.manual_seed(0)
    config = Sam2Config(
        vision_config=vision.to_dict(),
        prompt_encoder_config=prompts.to_dict(),
        mask_decoder_config=decoder.to_dict(),
    )
    return _lively(Sam2Model(config))


def write_sam(folder: Path, network: Any, card: str | None = CARD, normalisation: bool = True) -> Path:
    """Save a network as the hub would hold it."""
    network.save_pretrained(folder, safe_serialization=True)
    if card is not None:
        (folder / "README.md").write_text(card, encoding="utf-8")
    if normalisation:
        entries = {"image_mean": MEAN, "image_std": STD, "do_normalize": True, "rescale_factor": 1 / 255}
        (folder / "preprocessor_config.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def _lively(network: Any) -> Any:
    """Random weights so large that prompts and slices make a difference, whatever the version begins with."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim > 1:
                weight.normal_(0.0, 0.3)
            else:
                weight.fill_(1.0 if name.endswith("weight") else 0.0)
    return network.eval()
