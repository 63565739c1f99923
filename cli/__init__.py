"""`attain`: everything one does with Attain from a terminal."""
