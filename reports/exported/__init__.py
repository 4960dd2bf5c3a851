"""What a study found, as files for other programs and other places: numbers, predictions, one archive of all."""
