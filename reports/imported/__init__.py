"""Runs that were trained elsewhere, read as a study of butfor's own, so that tables and pages can be made of them."""
