"""What is in a firmware file: pure readers of images and bundles, standard library only, no Home Assistant."""
