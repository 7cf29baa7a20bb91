"""`asllr try` behind its options: which business, what is learned, judged, ranked and kept."""
