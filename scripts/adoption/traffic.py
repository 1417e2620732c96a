"""What ordinary requests take while objects are being filled, against the same node idle.

An open loop: requests come at times that were drawn beforehand, whether or not earlier ones have been answered, and a request's time
counts from the time when it was due. Phases of either kind alternate, and the order within a round turns.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import numpy as np
from weaviate import WeaviateAsyncClient

from .job import Job
from .passages import load, open_collection, properties, uuid
from .servers import Servers
from .settings import ID_PROPERTY, Settings, say
from .words import WordVectors, some_passages

# Requests a second.
RATES = {"query": 20.0, "write": 5.0, "write_elsewhere": 5.0}
# Objects that a job could fill in a second, so that it does not end within its phases.
FASTEST = 120
ELSEWHERE = 2_000
WARM_UP = 0.2  # of a phase
SETTLE_SECONDS = 2.0
QUERY_LIMIT = 10


class Load:
    """The requests of all phases. Every object that is written is a new one."""

    def __init__(self, client: WeaviateAsyncClient, fresh: list[dict]) -> None:
        self.words = WordVectors()
        self.fresh, self.written, self.random = fresh, 0, random.Random(2)
        self.adopted, self.elsewhere = client.collections.use("Busy"), client.collections.use("Elsewhere")

    async def query(self) -> None:
        p = self.random.choice(self.fresh)
        await self.adopted.query.near_vector(self.words.of(p["text"]).tolist(), limit=QUERY_LIMIT, return_properties=["title"])

    async def _write(self, collection) -> None:
        p = self.fresh[self.written % len(self.fresh)]
        self.written += 1
        vector = self.words.of(f"{p['title']} {p['text']}").tolist()
        await collection.data.insert(properties(p), uuid=uuid(f"{p[ID_PROPERTY]} {self.written}"), vector=vector)

    async def write(self) -> None:
        """Into the collection that is adopted: the node makes the new vector of it, in either phase."""
        await self._write(self.adopted)

    async def write_elsewhere(self) -> None:
        await self._write(self.elsewhere)

    async def phase(self, seconds: float) -> dict[str, list[float]]:
        """Milliseconds of each request, by kind. One that fails ends the measurement."""
        took: dict[str, list[float]] = {kind: [] for kind in RATES}
        due = sorted((at, kind) for kind, rate in RATES.items() for at in arrivals(self.random, rate, seconds))
        began = time.perf_counter()

        async def one(kind: str, send: Callable[[], Awaitable[None]], at: float) -> None:
            await send()
            took[kind].append(1000 * (time.perf_counter() - began - at))

        async with asyncio.TaskGroup() as requests:
            for at, kind in due:
                await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
                requests.create_task(one(kind, getattr(self, kind), at))
        return took


def arrivals(source: random.Random, rate: float, seconds: float) -> list[float]:
    """Times of a Poisson process."""
    times, at = [], source.expovariate(rate)
    while at < seconds:
        times.append(at)
        at += source.expovariate(rate)
    return times


def measure(s: Settings, servers: Servers) -> dict:
    """Percentiles of each kind of request by round and phase. The node is running and has none of these collections."""
    n = min(s.objects, round(s.rounds * s.seconds * FASTEST))
    passages = some_passages(n + min(n, ELSEWHERE))
    held, fresh = passages[:n], passages[n:]
    with servers.connect() as client:
        say(f"storing {n} objects to adopt under traffic")
        vectors = WordVectors().by_pid(passages)
        load(open_collection(client, "own", servers, "Busy"), held, vectors)
        load(open_collection(client, "own", servers, "Elsewhere"), fresh, vectors)
    job = Job(s, servers.url, "Busy", s.dir / "speed" / "busy.json")
    job.start()  # puts the vector into the schema, so that writes make it in every phase
    job.stop()
    return {"objects": n, "rates": RATES, "seconds": s.seconds, "rounds": asyncio.run(rounds(s, servers, job, fresh))}


async def rounds(s: Settings, servers: Servers, job: Job, fresh: list[dict]) -> list[dict]:
    made = []
    async with servers.connect_async() as client:
        load_ = Load(client, fresh)
        await load_.phase(WARM_UP * s.seconds)
        for i in range(s.rounds):
            figures: dict[str, dict] = {}
            for phase in ("idle", "adopting") if i % 2 == 0 else ("adopting", "idle"):
                if phase == "adopting":
                    await asyncio.to_thread(job.start)
                    before = job.look()
                await asyncio.sleep(SETTLE_SECONDS)
                figures[phase] = {kind: percentiles(took) for kind, took in (await load_.phase(s.seconds)).items()}
                if phase == "adopting":
                    after = job.look()
                    if after["state"] != "running":
                        say("the job ended within this phase; the round is left out")
                        return made
                    figures["filled"] = (after["done"] - before["done"]) / (s.seconds + SETTLE_SECONDS)
                    await asyncio.to_thread(job.stop)
            made.append(figures)
            ratios = ", ".join(f"{k} {figures['adopting'][k]['p95'] / figures['idle'][k]['p95']:.2f}" for k in RATES)
            say(f"round {i + 1} of {s.rounds}: p95 adopting to idle: {ratios}; {figures['filled']:.1f} objects a second filled")
    return made


def percentiles(took: list[float]) -> dict:
    return {"n": len(took), **{f"p{p}": float(np.percentile(took, p)) if took else 0.0 for p in (50, 95)}}
