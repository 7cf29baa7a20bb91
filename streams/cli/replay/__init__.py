"""The past and what would have been: `asllr record` and `asllr replay` with its sisters."""
