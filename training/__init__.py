"""From what a model is made: the simulator, data sets, losses, fit, export."""
