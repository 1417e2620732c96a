"""`latentask adopt`, started, watched and stopped."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from .settings import Settings

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 600
STILL_SECONDS = 4.0


def command(s: Settings, url: str, collection: str) -> list[str]:
    return [str(s.bin / "latentask"), "adopt", "--url", url, "--collection", collection, "--json"]


class Job:
    """An adoption of a collection, in one run of the command or in several: what one filled the next one finds filled."""

    def __init__(self, s: Settings, url: str, collection: str, out: Path) -> None:
        self.command = command(s, url, collection)
        self.address = f"{url}/v1/modules/qna-latent/adoptions/{collection}/latent"
        self.out = out
        self.cli: subprocess.Popen | None = None

    def start(self) -> None:
        """Runs the command, and returns when it fills objects that no earlier run has."""
        earlier = self.look() or {"done": 0, "startedUnixMs": 0}
        before, ended = earlier["done"], earlier["startedUnixMs"]
        with self.out.open("w") as out, self.out.with_suffix(".log").open("w") as log:
            self.cli = subprocess.Popen(self.command, stdout=out, stderr=log)
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            job = self.look()
            if job and job["startedUnixMs"] != ended and (job["done"] > before or job["state"] != "running"):
                return
            if time.monotonic() > until or (self.cli.poll() is not None and (not job or job["startedUnixMs"] == ended)):
                raise SystemExit(f"error: the job did not start\n       {self.out.with_suffix('.log')} says why.")
            time.sleep(POLL_SECONDS)

    def look(self) -> dict | None:
        try:
            with urllib.request.urlopen(self.address, timeout=60) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def wait(self, done: int) -> dict:
        """Returns when so many objects have been looked at."""
        while (job := self.look())["done"] < done and job["state"] == "running":
            time.sleep(POLL_SECONDS)
        return job

    def wait_end(self) -> dict:
        while (job := self.look())["state"] == "running":
            time.sleep(POLL_SECONDS)
        return job

    def stop(self) -> None:
        """Stops the job, if it runs, and waits for the command to end, and for the node to have nothing to do for it any more."""
        request = urllib.request.Request(self.address, method="DELETE")
        urllib.request.urlopen(request, timeout=60).close()
        self.wait_end()
        self.cli.wait(PATIENCE_SECONDS)
        # The job is stopped when the cluster says so; a node sees that a moment later, and stores the batch that it has.
        done, since = self.look()["done"], time.monotonic()
        while time.monotonic() < since + STILL_SECONDS:
            time.sleep(POLL_SECONDS)
            if (now := self.look()["done"]) != done:
                done, since = now, time.monotonic()


def adopt(s: Settings, url: str, collection: str, out: Path) -> None:
    """Adopts a collection, with the verification at its end. Its outcome is in `out` when all is as it should be."""
    part = out.with_name(out.name + ".part")
    with part.open("w") as file:
        code = subprocess.run(command(s, url, collection), stdout=file, check=False).returncode
    if code != 0:
        raise SystemExit(f"error: latentask adopt ended with {code}\n       {part} holds what it says.")
    part.replace(out)
