"""Public data sets as events: pure streaming generators, composed by `asllr import`."""
