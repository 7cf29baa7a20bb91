"""What commands say of a result, as text, JSON values and HTML."""
