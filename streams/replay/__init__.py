"""The past again: recordings of topics, and the same fold, prompt, engine and ranking over them."""
