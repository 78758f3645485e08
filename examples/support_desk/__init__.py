"""A customer support desk of a household shop: the application of the demonstration."""
