"""The models to use instead of a language model, one file each: rule, logistic regression, trees,
deep."""
