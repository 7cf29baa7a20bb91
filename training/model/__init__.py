"""The language model that reads leads: a causal model under LoRA, its three heads and their
losses."""
