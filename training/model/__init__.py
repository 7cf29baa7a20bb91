"""The language model that reads leads: a causal model under LoRA, three heads, their losses."""
