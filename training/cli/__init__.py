"""Commands around datasets and models; heavy libraries load inside."""
