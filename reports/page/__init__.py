"""The page of a study: one HTML file that loads and runs nothing. A file for each section that has to be worked out."""
