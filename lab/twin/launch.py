"""Start the twin."""
open("/run/lab/twin.ready","w").close()
