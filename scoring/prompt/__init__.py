"""What a model reads about a lead: features, conversation and prompt; and when they change."""
