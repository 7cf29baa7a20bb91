"""What a model reads of a lead: features, conversation, prompt, and its time edges."""
