"""The steps of a run, in order. Run it by scripts/adopt_figures.sh."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import figures, rate, tables, traffic
from .job import adopt
from .own_search import search_all
from .passages import (
    LATENT,
    OPENAI,
    TRANSFORMERS,
    embed_queries,
    load,
    load_singly,
    load_vectors,
    missing,
    open_collection,
    read,
    save_vectors,
)
from .servers import Servers
from .settings import COLLECTION, ID_PROPERTY, Settings, machine, relative, say, write_json


class Run:
    def __init__(self, s: Settings) -> None:
        self.s, self.servers = s, Servers(s)

    def report(self, name: str) -> Path:
        return self.s.reports / f"{name}.json"

    def lacks(self, *names: str) -> bool:
        return any(not self.report(name).exists() for name in names)

    def evaluate(self, name: str, set_: str, modes: str, *where: str) -> None:
        """`latentask eval` with its default search; a run that was broken off goes on."""
        if not self.lacks(name):
            return
        say(f"asking the questions of {set_}: {name}")
        report = self.report(name)
        command = [str(self.s.bin / "latentask"), "eval", *where, "--questions", relative(self.s.questions(set_))]
        command += ["--limit", str(self.s.limit), "--modes", modes, "--out", relative(report)]
        command += ["--trace", relative(report.with_suffix(".jsonl")), "--resume"]
        if subprocess.run(command, check=False).returncode != 0:
            report.unlink(missing_ok=True)  # of the questions that were asked
            raise SystemExit(f"error: {name} was broken off\n       Run this again: it goes on from its trace.")

    def collection(self) -> list[str]:
        return ["--url", self.servers.url, "--collection", COLLECTION, "--id-property", ID_PROPERTY]

    def data(self, set_: str, kind: str) -> Path:
        return self.s.dir / f"{set_}-{kind}"

    def from_the_start(self, set_: str) -> None:
        """The collection that text2vec-latent makes, in the node and folder of `latentask eval`."""
        where = ["--corpus", relative(self.s.corpus(set_)), "--dir", relative(self.s.eval_dir)]
        where += ["--node", relative(self.s.bin / "weaviate"), "--bundle", relative(self.s.bundle)]
        self.evaluate(f"latent-{set_}", set_, "latent,single,hybrid", *where)

    def stock(self, set_: str) -> None:
        """The collection that the stock container makes, asked as it is."""
        if not self.lacks(f"stock-{set_}"):
            return
        with self.servers.inference(), self.servers.node(self.data(set_, "stock"), f"{LATENT},{TRANSFORMERS}"):
            with self.servers.connect() as client:
                collection = open_collection(client, "stock", self.servers)
                absent = missing(collection, read(self.s.corpus(set_)))
                say(f"importing {len(absent)} passages of {set_} as the stock container embeds them")
                load(collection, absent)
            self.evaluate(f"stock-{set_}", set_, "latent,single,hybrid", *self.collection())

    def adopted(self, set_: str, kind: str) -> None:
        """A collection of multilingual-e5-small: its own searches, `latentask adopt`, the loop, and its own searches again."""
        name = f"{kind}-{set_}"
        if not self.lacks(name, f"{name}-before", f"{name}-adopt", f"{name}-after"):
            return
        questions = read(self.s.questions(set_), self.s.limit)
        vectors = None
        with self.servers.e5_server(), self.servers.node(self.data(set_, kind), f"{LATENT},{OPENAI}"):
            if kind == "own":
                vectors = embed_queries(self.servers, [q["question"] for q in questions])
            with self.servers.connect() as client:
                collection = open_collection(client, kind, self.servers)
                if self.lacks(f"{name}-before"):
                    self.fill(collection, set_, kind)
                    write_json(self.report(f"{name}-before"), search_all(collection, questions, vectors))
                if self.lacks(f"{name}-adopt"):
                    adopt(self.s, self.servers.url, COLLECTION, self.report(f"{name}-adopt"))
                if self.lacks(f"{name}-after"):
                    write_json(self.report(f"{name}-after"), search_all(collection, questions, vectors))
            self.evaluate(name, set_, "latent", *self.collection())

    def fill(self, collection, set_: str, kind: str) -> None:
        absent = missing(collection, read(self.s.corpus(set_)))
        kept = self.data(set_, "e5") / "vectors.npz"
        if kind == "own":
            say(f"importing {len(absent)} passages of {set_} with the vectors of multilingual-e5-small")
            load(collection, absent, load_vectors(kept))
            return
        say(f"writing {len(absent)} passages of {set_} through text2vec-openai")
        load_singly(collection, absent)
        save_vectors(collection, kept)

    def speed(self, name: str, measure) -> None:
        """In a node of its own, begun anew where it was broken off."""
        if not self.lacks(name):
            return
        folder = self.s.dir / "speed"
        shutil.rmtree(folder, ignore_errors=True)
        with self.servers.node(folder, LATENT):
            at = {"machine": machine(), "date": time.strftime("%Y-%m-%d", time.gmtime())}
            write_json(self.report(name), at | measure(self.s, self.servers))
        shutil.rmtree(folder)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: ended from outside\n       Run this again: it goes on."))
    s = Settings.of_environment()
    s.claim()
    run = Run(s)
    for set_ in s.sets:
        run.from_the_start(set_)
        run.stock(set_)
        for kind in ("e5", "own"):  # the second takes the vectors of the first
            run.adopted(set_, kind)
    if s.objects:
        run.speed("rate", rate.measure)
        run.speed("traffic", traffic.measure)
    made = figures.of(s.reports, s.sets) | {"command": s.command()}
    write_json(s.dir / "figures.json", made)
    for name, table in tables.tables(made).items():
        print(f"\n{name}\n\n{table}")
    print(f"\n{relative(s.dir / 'figures.json')} holds all of it; python -m scripts.adoption.tables writes the tables")


if __name__ == "__main__":
    main()
