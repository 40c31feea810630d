"""Other libraries' modules train as Layers, and to the same numbers."""
