"""Models: cards, the registry, weights on disk, and what makes a network promptable."""
