"""Writes the tables of docs/results.md about collections that other models embedded: python -m scripts.adoption.tables.

A table stands between the lines `<!-- adoption:NAME -->` and `<!-- /adoption -->`. What was not measured stays as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from scripts.eval_tables import NAMES, percent, points, put_tables, table

from .figures import METRICS
from .settings import LOCAL, ROOT, read_json

KINDS = {"e5": "text2vec-openai (`nearText`)", "own": "none (`nearVector`)"}
REQUESTS = {
    "query": "`nearVector`, 10 objects",
    "write": "an object written into it",
    "write_elsewhere": "an object written into another collection, with its vector",
}


def bold(cells: list[str]) -> list[str]:
    return [f"**{c}**" if c else c for c in cells]


def rows_of(figures: dict, cells) -> list[list[str]]:
    """A row a set and one of their mean, in bold."""
    sets = [[NAMES[name], *cells(name)] for name in figures["questions"]]
    return [*sets, bold(["mean", *cells("mean")])]


def stock_table(figures: dict) -> str:
    def kept(d: dict) -> str:
        if d["difference"] is None:
            return "–"
        return f"{100 * d['difference']:.0f}% ({100 * d['low']:.0f} to {100 * d['high']:.0f})"

    rows = []
    for metric in METRICS:
        for rival in ("single", "hybrid"):
            f = figures["stock"][metric][rival]
            made = rows_of(figures, lambda name, f=f: [points(f["reference"][name]), points(f["gain"][name]), kept(f["kept"][name])])
            first = f"{metric.replace('_', ' ')}, less `{rival}`"
            rows += [[first if i == 0 else "", *row] for i, row in enumerate(made)]
    return table(["latent", "set", "`text2vec-latent`", "stock container", "share kept"], rows)


def adopted_table(figures: dict) -> str:
    rows = []
    for kind, title in KINDS.items():
        f = figures["adopted"][kind]

        def cells(name: str, f: dict = f) -> list[str]:
            gains = [points(f["gain"][m][name]) for m in METRICS]
            if name == "mean":
                return ["", "", "", *gains, ""]
            shares = [" / ".join(percent(f["shares"][name][m][of]) for m in METRICS) for of in ("near", "hybrid", "latent")]
            return [*shares, *gains, f"{f['changed'][name]} of {f['searches'][name]}"]

        rows += [[title if i == 0 else "", *row] for i, row in enumerate(rows_of(figures, cells))]
    head = ["vectorizer", "set", "near", "hybrid", "latent", "gold found", "all found", "own searches changed"]
    return table(head, rows)


def same_table(figures: dict) -> str:
    rows = []
    for kind, title in KINDS.items():
        f = figures["adopted"][kind]["from_the_start"]
        made = rows_of(figures, lambda name, f=f: [points(f[m][name]) for m in METRICS])
        rows += [[title if i == 0 else "", *row] for i, row in enumerate(made)]
    return table(["vectorizer", "set", "gold found", "all found"], rows)


def rate_table(figures: dict) -> str:
    r = figures["rate"]
    head = ["objects", "imported a second", "adopted a second", "ratio", "over chunks"]
    row = [f"{r['objects']:,}", f"{r['import']:.1f}", f"{r['adopt']:.1f}", f"{r['ratio']:.2f}"]
    made = table(head, [[*row, f"{r['least']:.2f} to {r['most']:.2f} ({r['chunks']})"]])
    beside = f"The job took {r['begins']:.1f} s to begin and {r['ends']:.1f} s to end, which the ratio counts"
    return f"{made}\n\n{beside}. {r['made']}."


def traffic_table(figures: dict) -> str:
    t = figures["traffic"]
    rows = []
    for kind, title in REQUESTS.items():
        f = t["kinds"][kind]
        times = [f"{f[phase + '_p50']:.1f} / {f[phase + '_p95']:.1f}" for phase in ("idle", "adopting")]
        rows.append([title, f"{t['rates'][kind]:.0f}", *times, f"{f['ratio']:.2f} ({f['least']:.2f} to {f['most']:.2f})"])
    made = table(["request", "a second", "idle, p50 / p95 ms", "adopting, p50 / p95 ms", "p95, adopting to idle"], rows)
    phases = f"{t['rounds']} rounds of {t['seconds']:.0f} s idle and as many adopting"
    return f"{made}\n\n{phases}; {t['filled']:.1f} objects a second were filled meanwhile. {t['made']}."


def made_line(figures: dict) -> str:
    n = ", ".join(f"{NAMES[name]} {n}" for name, n in figures["questions"].items())
    return f"Made with {figures['bundle']}; {figures['machine']}; {figures['date']}. Questions: {n}.\n\n```sh\n{figures['command']}\n```"


def tables(figures: dict) -> dict[str, str]:
    made = {}
    if figures["questions"]:
        made |= {"made": made_line(figures), "stock": stock_table(figures), "adopted": adopted_table(figures), "same": same_table(figures)}
    if "rate" in figures:
        made["rate"] = rate_table(figures)
    if figures.get("traffic", {}).get("kinds"):
        made["traffic"] = traffic_table(figures)
    return made


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--figures", type=Path, default=LOCAL / "adoption" / "figures.json")
    a.add_argument("--docs", type=Path, default=ROOT / "docs" / "results.md")
    args = a.parse_args()
    made = tables(read_json(args.figures))
    places = put_tables(args.docs, "adoption", made)
    print(f"{len(made)} tables, {places} places in {args.docs}")


if __name__ == "__main__":
    main()
