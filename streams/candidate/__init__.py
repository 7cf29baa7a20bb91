"""An artifact that is not live yet: what it says of scores that were published."""
