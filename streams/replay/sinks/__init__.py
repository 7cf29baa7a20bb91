"""Where the lines of a replay go: files, Parquet, a topic of your own."""
