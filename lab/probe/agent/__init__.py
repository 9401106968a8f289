"""What runs on a Linux host: standard library and `lab.wire` only, and light, since it starts where imports are slow."""
