"""Where the lines of a replay are written: files, Parquet, a topic of your own."""
