"""Segmenting volumes slice by slice with 2D models: `slicewise.segmenter.SliceSegmenter`."""
