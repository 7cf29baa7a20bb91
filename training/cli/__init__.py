"""Commands around data sets and models; heavy libraries load inside."""
