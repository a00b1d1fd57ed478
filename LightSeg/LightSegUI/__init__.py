"""What the LightSeg module and its Segment Editor effect are made of."""
