"""One file a family of shapes: what it is recognised by, and how it is read."""
