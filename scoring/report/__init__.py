"""How a result looks: HTML, SVG, numbers in words, JSON values, progress lines."""
