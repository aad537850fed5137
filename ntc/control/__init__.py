"""Fits that are steered to a size, a quality or a price: what to try first, and what after that."""
