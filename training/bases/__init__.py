"""From a GGUF file, a folder or a hub to a base that `asllr fit` opens."""
