"""From the typed graph to ONNX: one function per definition, names and sizes kept, nothing but standard operators."""
