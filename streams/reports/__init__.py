"""What commands print of a result: text, JSON values and HTML."""
