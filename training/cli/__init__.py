"""Commands around datasets and models: options, their checks and what is printed; heavy libraries
load inside."""
