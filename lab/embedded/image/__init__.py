"""The guest's disk: Debian 13 made by mmdebstrap without privilege, cached under the hash of its recipe.

`recipe` says what is in it, `wheels` and `build` make it, `cache` keeps it. Our own code is not in it.
"""
