"""The models to use instead of a language model, one file each."""
