"""A small customer support desk of a household shop: the application that the demonstration tests."""
