"""Fitting: from images to a `QuantizedModel`. Knows no file and no terminal."""
