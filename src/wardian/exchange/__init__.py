"""Layer 2. Images in and out: pull, push, save, load, import; made whole again where broken."""
