"""Files of others as events: public data sets, and a user's own exports."""
