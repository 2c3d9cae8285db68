"""Layer 4. Build images of a Containerfile that come out the same, bit for bit.

    from wardian.build.api import build

    built = build("path/to/context", tags=["app:1"])
    print(built.id, built.diff_ids)

`world.World` says what RUN steps see besides the image and the recipe, and is there to be varied:
the same recipe in another world must give the same image.
"""
