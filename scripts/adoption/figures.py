"""What the files of a run say: its figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .bootstrap import difference, interval, share_kept
from .passages import read
from .settings import ROOT, read_json

METRICS = ("gold_found", "all_found")
SEARCHES = ("near", "hybrid")
RIVALS = ("single", "hybrid")
KINDS = ("e5", "own")


def scores(gold: list[str], pids: list[str]) -> dict[str, float]:
    found = len(set(gold) & set(pids)) / len(gold)
    return {"gold_found": found, "all_found": float(found == 1)}


def traced(path: Path) -> dict[str, dict[str, dict]]:
    """Records of a trace of `latentask eval`, by mode and question."""
    records: dict[str, dict[str, dict]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        r = json.loads(line)
        records.setdefault(r["mode"], {})[r["id"]] = r
    return records


def passages_read(record: dict) -> int:
    return len({pid for hop in record["hops"] for pid in hop["pids"]})


class Set:
    """The records of one set's questions. Those without known gold are left out, as they are in `latentask eval`."""

    def __init__(self, reports: Path, name: str) -> None:
        self.reports, self.name = reports, name
        report = read_json(reports / f"latent-{name}.json")
        questions = read(ROOT / report["questions"]["file"], report["questions"]["n"])
        self.gold = {q["id"]: q["gold_pids"] for q in questions if q.get("gold_pids")}

    def eval(self, run: str, mode: str, metric: str) -> np.ndarray:
        """Scores of a mode in one of the evaluations; an error found nothing."""
        records = traced(self.reports / f"{run}-{self.name}.jsonl")[mode]
        return np.array([(records[i].get("scores") or {}).get(metric, 0.0) for i in self.gold])

    def own(self, kind: str, search: str, metric: str, when: str = "before") -> np.ndarray:
        """Scores of one of the collection's own searches, of as many passages as the loop read."""
        latent = traced(self.reports / f"{kind}-{self.name}.jsonl")["latent"]
        found = {r["id"]: r[search] for r in read_json(self.reports / f"{kind}-{self.name}-{when}.json")}
        return np.array([scores(gold, found[i][: passages_read(latent[i])])[metric] for i, gold in self.gold.items()])

    def better(self, kind: str, metric: str) -> str:
        return max(SEARCHES, key=lambda s: self.own(kind, s, metric).mean())

    def changed(self, kind: str) -> int:
        """Searches that found something else, or in another order, after the adoption."""
        before, after = (read_json(self.reports / f"{kind}-{self.name}-{when}.json") for when in ("before", "after"))
        return sum(a[s] != b[s] for a, b in zip(before, after, strict=True) for s in SEARCHES)


def by_set(sets: list[Set], columns, statistic) -> dict[str, dict]:
    """A statistic of each set, and of their mean. `columns` gives a set's arrays of questions."""
    arrays = {s.name: np.stack(columns(s), axis=-1) for s in sets}
    made = {name: interval([a], statistic) for name, a in arrays.items()}
    made["mean"] = interval(list(arrays.values()), statistic)
    return made


def of(reports: Path, names: tuple[str, ...]) -> dict:
    """Everything that there are files of."""
    made: dict = {"machine": "", "bundle": "", "date": "", "questions": {}}
    if names:
        first = read_json(reports / f"latent-{names[0]}.json")
        made |= {"machine": first["machine"], "bundle": first["bundle"], "date": first["date"][:10]}
    sets = [Set(reports, name) for name in names]
    made["questions"] = {s.name: len(s.gold) for s in sets}
    if sets:
        made["stock"] = {
            metric: {
                rival: {
                    "gain": by_set(sets, lambda s, m=metric, r=rival: [s.eval("stock", x, m) for x in ("latent", r)], difference),
                    "reference": by_set(sets, lambda s, m=metric, r=rival: [s.eval("latent", x, m) for x in ("latent", r)], difference),
                    "kept": by_set(
                        sets,
                        lambda s, m=metric, r=rival: [s.eval(run, x, m) for run in ("stock", "latent") for x in ("latent", r)],
                        share_kept,
                    ),
                }
                for rival in RIVALS
            }
            for metric in METRICS
        }
        made["adopted"] = {
            kind: {
                "shares": {
                    s.name: {
                        m: {"latent": s.eval(kind, "latent", m).mean(), **{x: s.own(kind, x, m).mean() for x in SEARCHES}} for m in METRICS
                    }
                    for s in sets
                },
                "gain": {
                    m: by_set(sets, lambda s, k=kind, m=m: [s.eval(k, "latent", m), s.own(k, s.better(k, m), m)], difference)
                    for m in METRICS
                },
                "from_the_start": {
                    m: by_set(sets, lambda s, k=kind, m=m: [s.eval(k, "latent", m), s.eval("latent", "latent", m)], difference)
                    for m in METRICS
                },
                "changed": {s.name: s.changed(kind) for s in sets},
                "searches": {s.name: len(SEARCHES) * len(read_json(reports / f"{kind}-{s.name}-before.json")) for s in sets},
            }
            for kind in KINDS
        }
    for name in ("rate", "traffic"):
        if (reports / f"{name}.json").exists():
            made[name] = globals()[f"{name}_figures"](read_json(reports / f"{name}.json"))
    return made


def rate_figures(r: dict) -> dict:
    """Objects a second over all chunks, and the ratio with its range over chunks. Adopting has its beginning and end counted."""
    chunks, n = [c for c in r["chunks"] if c["adopted"] > 0], r["objects"]
    importing, filling = (sum(c[f"{kind}ed"] for c in chunks) / sum(c[f"{kind}_seconds"] for c in chunks) for kind in ("import", "adopt"))
    adopting = n / (n / filling + r["begins"] + r["ends"])
    ratios = [c["adopted"] / c["adopt_seconds"] / (c["imported"] / c["import_seconds"]) for c in chunks]
    return {
        "made": f"{r['machine']}; {r['date']}",
        "objects": n,
        "import": importing,
        "adopt": adopting,
        "ratio": adopting / importing,
        "least": min(ratios),
        "most": max(ratios),
        "begins": r["begins"],
        "ends": r["ends"],
        "chunks": len(ratios),
    }


def traffic_figures(t: dict) -> dict:
    """Medians over rounds; of the ratio of the p95s, the range too."""
    made = {"made": f"{t['machine']}; {t['date']}", "rounds": len(t["rounds"]), "seconds": t["seconds"], "rates": t["rates"], "kinds": {}}
    if not t["rounds"]:
        return made
    made["filled"] = float(np.median([r["filled"] for r in t["rounds"]]))
    for kind in t["rates"]:
        ratios = [r["adopting"][kind]["p95"] / r["idle"][kind]["p95"] for r in t["rounds"]]
        made["kinds"][kind] = {
            **{
                f"{phase}_{p}": float(np.median([r[phase][kind][p] for r in t["rounds"]]))
                for phase in ("idle", "adopting")
                for p in ("p50", "p95")
            },
            "n": sum(r["adopting"][kind]["n"] for r in t["rounds"]),
            "ratio": float(np.median(ratios)),
            "least": min(ratios),
            "most": max(ratios),
        }
    return made
