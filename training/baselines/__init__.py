"""What a practitioner would use instead of a language model, one file each."""
