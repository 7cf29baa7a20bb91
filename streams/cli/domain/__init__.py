"""`asllr domain …`: describe a business in a file."""
