"""What an operator needs when something is wrong: doctor and rebuild."""
