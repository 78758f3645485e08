"""aiir_eval."""
