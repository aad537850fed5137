"""Procedural PBR materials: each module makes one set of maps from a fixed seed."""
