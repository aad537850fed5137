"""glTF 2.0 models whose materials are compressed, with the images they had to fall back on."""
