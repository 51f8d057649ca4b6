"""What napari calls: reader, writer, sample data, and the conversion of cubes to layers."""
