"""The language model that reads leads: any causal LM under LoRA, three heads, the losses."""
