"""All roles on one machine: `asllr run` and the demo."""
