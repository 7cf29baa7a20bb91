"""A first domain.toml from events: fields, values, stages, channels and bins as found."""
