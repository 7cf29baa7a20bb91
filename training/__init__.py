"""From what a model is made. In the root: calibration, files and folders, which rooms share."""
