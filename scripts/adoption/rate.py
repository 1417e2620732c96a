"""How fast `latentask adopt` fills objects, beside an import of the same objects with the same vectorizer.

Both go on in one node, in turns of a chunk: first so many objects are imported, then the job goes on over as many. What else the
machine does meets both alike, and both graphs grow together.
"""

from __future__ import annotations

import itertools
import time

from .job import Job
from .passages import load, open_collection
from .servers import Servers
from .settings import Settings, say
from .words import WordVectors, some_passages


def measure(s: Settings, servers: Servers) -> dict:
    """Objects a second of both, by chunk. The node is running and empty.

    A run of the job over a chunk is timed from the first objects that it fills to the last: a run that follows another first passes
    those that are filled, which one run over all would not do. What the first run takes to begin, and the last one to look through
    all objects once more, is counted by itself.
    """
    passages = some_passages(s.objects)
    with servers.connect() as client:
        say(f"storing {s.objects} objects with vectors of another kind")
        adopted = open_collection(client, "own", servers, "Adopted")
        load(adopted, passages, WordVectors().by_pid(passages))
        imported = open_collection(client, "latent", servers, "Imported")
        job = Job(s, servers.url, "Adopted", s.dir / "speed" / "adopt.json")
        edges = [round(i * s.objects / s.chunks) for i in range(s.chunks + 1)]
        chunks, beginning, ending = [], 0.0, 0.0
        for i, (low, high) in enumerate(itertools.pairwise(edges)):
            began = time.monotonic()
            load(imported, passages[low:high])
            chunk = {"imported": high - low, "import_seconds": time.monotonic() - began}

            began = time.monotonic()
            job.start()
            first, at = job.look(), time.monotonic()
            if i == 0:
                beginning = at - began
            last, end = job.wait(high), time.monotonic()
            chunk |= {"adopted": last["done"] - first["done"], "adopt_seconds": end - at}
            if i == s.chunks - 1:
                job.wait_end()
                ending = time.monotonic() - end
            job.stop()
            chunks.append(chunk)
            speeds = [f"{kind}ed {chunk[kind + 'ed'] / chunk[kind + '_seconds']:.1f} a second" for kind in ("import", "adopt")]
            say(f"{high} of {s.objects} objects: {', '.join(speeds)}")
        if len(imported) != s.objects:
            raise SystemExit(f"error: {len(imported)} of {s.objects} objects were imported")
        outcome = job.look()
    return {
        "objects": s.objects,
        "chunks": chunks,
        "begins": beginning,
        "ends": ending,
        "state": outcome["state"],
    }
