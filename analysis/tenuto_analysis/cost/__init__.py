"""What a graph costs: weights, operations, bytes, memory, time. Formulas in its sizes."""
