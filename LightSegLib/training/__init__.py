"""Training: packing data, drawing samples, simulating clicks, synthesis, losses and the trainer."""
