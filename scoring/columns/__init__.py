"""What a model reads beside features and prompt: own fields, counts and words, as numbers."""
