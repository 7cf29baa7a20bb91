"""Datasets: leads at moments of the past, labelled by what came after."""
