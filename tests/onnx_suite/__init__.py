"""ONNX's own node tests, said in Tenuto: one file a family, `table.py` the whole."""
