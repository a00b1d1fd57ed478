"""Everything that LightSeg claims of itself, measured in one run, and the page made of it."""
