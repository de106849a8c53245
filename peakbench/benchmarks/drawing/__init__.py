"""What self-made pictures are drawn with: chance, colours, outlines, ground and light, whatever they show."""
