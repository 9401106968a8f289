"""A program that plays a recorded part: Vagrant, virsh or QEMU for the tests. Started by a script that conftest.py writes.

Its part is a JSON file, a list of scenes; the first whose `words` are all among the arguments is played, in this order:
calls (file: the arguments are appended), lock (file: with a lock on it, or the scene `locked` is played instead), folder (made if need be),
stdout, stderr, hang (waits for ever, with a child, both deaf to interrupts; file: their process ids), signal (ends itself), code. Imports what it needs
when it needs it: it is started hundreds of times.
"""

# ruff: noqa: PTH123, PTH104, PTH103 - importing pathlib takes longer than playing

from __future__ import annotations

import json
import os
import sys


def play(scene: dict[str, object]) -> int:
    """Play one scene; return the exit code."""
    if lock := scene.get("lock"):
        import fcntl

        descriptor = os.open(str(lock), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            locked = scene["locked"]
            assert isinstance(locked, dict)
            return play(locked)
    if folder := scene.get("folder"):
        os.makedirs(str(folder), exist_ok=True)
    sys.stdout.write(str(scene.get("stdout", "")))
    sys.stdout.flush()
    sys.stderr.write(str(scene.get("stderr", "")))
    sys.stderr.flush()
    if hang := scene.get("hang"):
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        child = os.fork()
        if child:
            with open(f"{hang}.{child}", "w") as fresh:
                fresh.write(f"{os.getpid()} {child}")
            os.rename(fresh.name, str(hang))
        while True:
            signal.pause()
    if number := scene.get("signal"):
        os.kill(os.getpid(), int(str(number)))
    code = scene.get("code", 0)
    assert isinstance(code, int)
    return code


def main(part: str, arguments: list[str]) -> int:
    """Choose the scene."""
    with open(part) as file:
        scenes = json.load(file)
    for scene in scenes:
        if set(scene.get("words", [])) <= set(arguments):
            if calls := scene.get("calls"):
                with open(calls, "a") as file:
                    file.write(json.dumps(arguments) + "\n")
            return play(scene)
    sys.stderr.write(f"no scene for {arguments}\n")
    return 99


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
