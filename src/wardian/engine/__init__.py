"""Layer 3. What a library user holds: options in, a box and its result out."""
