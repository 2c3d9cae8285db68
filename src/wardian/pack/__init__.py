"""Layer 4. Make an image of what a program truly needs, and say why each file is in it."""
