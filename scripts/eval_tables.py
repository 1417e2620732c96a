#!/usr/bin/env python3
"""Writes the tables of docs/results.md that come from `latentask eval`, out of the reports of scripts/eval.sh.

A table stands between the lines `<!-- eval:NAME -->` and `<!-- /eval -->`. Runs without a report are left out.
Nothing but the standard library.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

NAMES = {
    "hotpotqa": "HotpotQA",
    "2wiki": "2WikiMultihopQA",
    "musique": "MuSiQue",
    "pages": "pages without titles",
    "nq": "NQ",
    "triviaqa": "TriviaQA",
    "popqa": "PopQA",
    "bamboogle": "Bamboogle",
}
MULTIHOP = ("hotpotqa", "2wiki", "musique")
OPEN = ("nq", "triviaqa", "popqa", "bamboogle")
MODES = ("latent", "explicit", "iter", "single", "hybrid", "direct")


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def points(d: dict | None) -> str:
    return "–" if d is None else f"{100 * d['difference']:+.1f} ({100 * d['low']:+.1f} to {100 * d['high']:+.1f})"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def difference(report: dict, a: str, b: str, metric: str) -> dict | None:
    for d in report["differences"]:
        if d["metric"] == metric and {d["a"], d["b"]} == {a, b}:
            if d["a"] == a:
                return d
            return {"difference": -d["difference"], "low": -d["high"], "high": -d["low"]}
    return None


def better(report: dict, metric: str) -> str:
    """The single search that does better, of the two."""
    return max(("single", "hybrid"), key=lambda m: report["modes"].get(m, {}).get(metric) or 0)


def mean(differences: list[dict | None]) -> dict | None:
    """The mean of several sets' differences. The sets are independent, so half-widths add up in squares."""
    if not differences or None in differences:
        return None
    n = len(differences)
    middle = sum(d["difference"] for d in differences) / n
    below = sum((d["difference"] - d["low"]) ** 2 for d in differences) ** 0.5 / n
    above = sum((d["high"] - d["difference"]) ** 2 for d in differences) ** 0.5 / n
    return {"difference": middle, "low": middle - below, "high": middle + above}


def modes_table(reports: dict[str, dict], sets: tuple[str, ...]) -> str:
    head = ["set", "mode", "n", "EM", "F1", "gold found", "all found", "hops", "passages", "abstained", "sourced", "errors"]
    rows = []
    for name in sets:
        for i, mode in enumerate(m for m in MODES if m in reports[name]["modes"]):
            f = reports[name]["modes"][mode]
            shares = [percent(f.get(k)) for k in ("em", "f1", "gold_found", "all_found")]
            cost = [f"{f['hops']:.2f}", f"{f['passages']:.1f}", percent(f["abstained"]), percent(f.get("sourced")), str(f["errors"])]
            rows.append([NAMES[name] if i == 0 else "", mode, str(f["n"]), *shares, *cost])
    return table(head, rows)


def cost_table(reports: dict[str, dict], sets: tuple[str, ...]) -> str:
    head = ["set", "mode", "passes", "tokens in", "tokens out", "total ms, p50 / p95", "model ms", "search ms", "queue ms"]
    rows = []
    for name in sets:
        for i, mode in enumerate(m for m in MODES if m in reports[name]["modes"]):
            f = reports[name]["modes"][mode]
            tokens = [f"{f['passes']:.1f}", f"{f['tokens_in']:.0f}", f"{f['tokens_out']:.1f}"]
            times = [f"{f['ms'][part]['p50']:.0f} / {f['ms'][part]['p95']:.0f}" for part in ("total", "model", "search", "queue")]
            rows.append([NAMES[name] if i == 0 else "", mode, *tokens, *times])
    return table(head, rows)


def difference_table(reports: dict[str, dict], sets: tuple[str, ...], rivals: list[str]) -> str:
    """Latent minus each rival; the rival `better` is the single search that found more."""
    head = ["latent minus", "set", "EM", "F1", "gold found", "all found"]
    metrics = ("em", "f1", "gold_found", "all_found")
    rows = []
    for rival in rivals:
        columns = {}
        for name in sets:
            r = reports[name]
            columns[name] = [difference(r, "latent", better(r, m) if rival == "better" else rival, m) for m in metrics]
        if all(d is None for column in columns.values() for d in column):
            continue
        title = "the better single search" if rival == "better" else rival
        for i, (name, column) in enumerate(columns.items()):
            rows.append([title if i == 0 else "", NAMES[name], *map(points, column)])
        if len(sets) > 1:
            means = [mean([columns[name][i] for name in sets]) for i in range(len(metrics))]
            rows.append(["", "**mean**", *(f"**{points(m)}**" if m else "–" for m in means)])
    return table(head, rows)


def multihop(sets: Sequence[str]) -> tuple[str, ...]:
    """Those of the sets that figures are taken together of."""
    return tuple(s for s in sets if s in MULTIHOP)


def pooled_error(reports: dict[str, dict], sets: tuple[str, ...], mode: str) -> float | None:
    """The calibration error over the answers of several sets together, out of the bins of each. Of one set of some dozen questions it
    says little: ten bins of an answer that is right three times in ten lie 0.1 off by chance alone."""
    bins: dict[float, list[dict]] = {}
    for name in sets:
        for b in (reports[name]["modes"].get(mode, {}).get("calibration") or {}).get("bins", []):
            bins.setdefault(b["low"], []).append(b)
    n = sum(b["n"] for part in bins.values() for b in part)
    return sum(abs(sum(b["n"] * (b["confidence"] - b["right"]) for b in part)) for part in bins.values()) / n if n else None


def loop_table(reports: dict[str, dict], sets: tuple[str, ...]) -> str:
    head = ["set", "mode", "stopped right", "subquery F1, as given (searches)", "calibration error"]
    rows = []
    for name in sets:
        for i, mode in enumerate(m for m in ("latent", "explicit", "iter") if m in reports[name]["modes"]):
            f = reports[name]["modes"][mode]
            subquery = (
                "–" if f.get("subquery_f1") is None else f"{f['subquery_f1']:.2f}, {f['subquery_f1_as_given']:.2f} ({f['subquery_hops']})"
            )
            error = "–" if f.get("calibration") is None else f"{f['calibration']['ece']:.3f}"
            rows.append([NAMES[name] if i == 0 else "", mode, percent(f.get("stopped_right")), subquery, error])
    several = multihop(sets)
    for mode in ("latent", "explicit", "iter"):
        error = pooled_error(reports, several, mode)
        if len(several) > 1 and error is not None:
            right = [reports[s]["modes"][mode].get("stopped_right") for s in several if mode in reports[s]["modes"]]
            mean_right = None if None in right else sum(right) / len(right)
            rows.append([f"**the {len(several)} sets**" if mode == "latent" else "", mode, percent(mean_right), "–", f"{error:.3f}"])
    return table(head, rows)


def hidden_and_shown(reports: dict[str, dict], name: str) -> tuple[dict, dict]:
    """A set's figures where the gold was hidden, and those of the same questions where it was not."""
    hidden, shown = (r["modes"]["latent"] for r in (reports[name + "-hidden"], reports.get(name + "-shown", reports[name])))
    if hidden["n"] != shown["n"]:
        raise SystemExit(
            f"error: {name}-hidden is of {hidden['n']} questions, and of the same there is no report with the gold there\n"
            f"       Make {name}-shown with the same LIMIT: scripts/eval.sh {name}-shown"
        )
    return hidden, shown


def hidden_table(reports: dict[str, dict], sets: tuple[str, ...]) -> str:
    rows = []
    for name in sets:
        hidden, shown = hidden_and_shown(reports, name)
        rows.append([NAMES[name], str(hidden["n"]), percent(hidden["abstained"]), percent(1 - shown["abstained"])])
    return table(["set", "n", "abstained, gold hidden", "answered, gold there"], rows)


def kinds_table(reports: dict[str, dict], sets: tuple[str, ...]) -> str:
    modes = ("latent", "single", "hybrid")
    head = ["set", "type", "n", *(f"{m}: EM, found / all" for m in modes)]
    rows = []
    for name in sets:
        figures = reports[name]["modes"]
        for i, kind in enumerate(sorted({k for m in modes if m in figures for k in figures[m]["types"]})):
            cells = [figures[m]["types"].get(kind) if m in figures else None for m in modes]
            n = next(c["n"] for c in cells if c)
            shown = [f"{percent(c.get('em'))}, {percent(c.get('gold_found'))} / {percent(c.get('all_found'))}" if c else "–" for c in cells]
            rows.append([NAMES[name] if i == 0 else "", kind, str(n), *shown])
    return table(head, rows)


def risk_table(reports: dict[str, dict], sets: tuple[str, ...]) -> str:
    """Answers exactly right among the most confident ones, by the share of questions that they are: 1 − risk at each coverage."""
    shares = [k / 10 for k in range(1, 11)]
    rows = []
    for name in sets:
        curve = reports[name]["modes"]["latent"].get("risk_coverage")
        if curve:  # of the points with so much coverage or more the one with the least
            at = [min((p for p in curve if p["coverage"] >= s - 1e-9), key=lambda p: p["coverage"], default=None) for s in shares]
            rows.append([NAMES[name], *(percent(1 - p["risk"]) if p else "–" for p in at)])
    return table(["set", *(f"{100 * s:.0f}%" for s in shares)], rows)


def card_figures(reports: dict[str, dict]) -> dict[str, dict[str, str]]:
    """What a bundle's card says of it: `train.export --figures`."""

    def label(name: str, run: str = "") -> str:
        n = reports[name + run]["modes"]["latent"]["n"]
        return f"{NAMES[name]}, {n} questions, {reports[name]['corpus']['passages']:,} passages"

    sets = [s for s in (*MULTIHOP, "pages") if s in reports]
    rows: dict[str, dict[str, str]] = {}
    found = rows["gold passages found / all found, percent, latentAsk (one hybrid search of as many passages)"] = {}
    right = rows["answers exactly right, percent, latentAsk (one hybrid search)"] = {}
    stops = rows["stops at the first search after which all gold is read, percent (searches)"] = {}
    sure = rows["calibration error of the confidence"] = {}
    for name in sets:
        latent, hybrid = reports[name]["modes"]["latent"], reports[name]["modes"]["hybrid"]
        share = lambda f: f"{percent(f['gold_found'])} / {percent(f['all_found'])}"  # noqa: E731
        found[label(name)] = f"{share(latent)} ({share(hybrid)})"
        right[label(name)] = f"{percent(latent['em'])} ({percent(hybrid['em'])})"
        stops[label(name)] = f"{percent(latent['stopped_right'])} ({latent['hops']:.1f})"
        sure[label(name)] = f"{latent['calibration']['ece']:.2f}"
    several = multihop(sets)
    if len(several) > 1 and (error := pooled_error(reports, several, "latent")) is not None:
        sure[", ".join(NAMES[s] for s in several) + " together"] = f"{error:.2f}"
    hidden = {
        label(name, "-hidden"): "{} ({})".format(*(percent(f["abstained"]) for f in hidden_and_shown(reports, name)))
        for name in sets
        if name + "-hidden" in reports
    }
    return rows | ({"abstains where a filter hides the gold, percent (where it does not)": hidden} if hidden else {})


def machine_lines(reports: dict[str, dict]) -> str:
    """Which bundle, machine and day the reports are of, and the command of each."""
    told = sorted({f"{r['bundle']} on {r['device']}; {r['machine']}; {r['date'][:10]}; {r['tool']}" for r in reports.values()})
    commands = "\n".join(r["command"] for _, r in sorted(reports.items()))
    return "Made with " + "; ".join(told) + ".\n\n```\n" + commands + "\n```"


def tables(reports: dict[str, dict]) -> dict[str, str]:
    def there(sets: tuple[str, ...], suffix: str = "") -> tuple[str, ...]:
        return tuple(s for s in sets if s in reports and s + suffix in reports)

    def runs(suffix: str) -> dict[str, dict]:
        return {name: reports[name + suffix] for name in there(MULTIHOP, suffix)}

    vector, twin, unfitted = runs("-vector"), runs("-twin"), runs("-unfitted")
    made = {
        "modes": (modes_table, reports, there(MULTIHOP)),
        "cost": (cost_table, reports, there(MULTIHOP)),
        "twin-modes": (modes_table, twin, tuple(twin)),
        "loops": (loop_table, reports, there((*MULTIHOP, "pages"))),
        "unfitted": (loop_table, unfitted, tuple(unfitted)),
        "types": (kinds_table, reports, there((*MULTIHOP, "pages"))),
        "hidden": (hidden_table, reports, there(MULTIHOP, "-hidden")),
        "risk": (risk_table, reports, there((*MULTIHOP, "pages"))),
        "pages": (modes_table, reports, there(("pages",))),
        "open": (modes_table, reports, there(OPEN)),
    }
    out = {name: f(r, sets) for name, (f, r, sets) in made.items() if sets}
    for name, r, sets, rivals in (
        ("differences", reports, there(MULTIHOP), ["better", "single", "hybrid", "explicit", "iter", "direct"]),
        ("vector", vector, tuple(vector), ["single", "explicit"]),
        ("twin", twin, tuple(twin), ["explicit"]),
        ("pages-differences", reports, there(("pages",)), ["better", "explicit"]),
        ("open-differences", reports, there(OPEN), ["single", "hybrid"]),
    ):
        if sets:
            out[name] = difference_table(r, sets, rivals)
    if reports:
        out["made"] = machine_lines(reports)
    return out


def put_tables(docs: Path, kind: str, made: dict[str, str]) -> int:
    """Writes tables between the lines `<!-- KIND:NAME -->` and `<!-- /KIND -->`, leaves other places as they are, and counts all."""

    def put(match: re.Match) -> str:
        body = made.get(match[1])
        return match[0] if body is None else f"<!-- {kind}:{match[1]} -->\n\n{body}\n\n<!-- /{kind} -->"

    text, places = re.subn(rf"<!-- {kind}:([\w-]+) -->.*?<!-- /{kind} -->", put, docs.read_text(encoding="utf-8"), flags=re.S)
    docs.write_text(text, encoding="utf-8")
    return places


def read(folder: Path) -> dict[str, dict]:
    """A folder's reports by name."""
    return {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))}


def main() -> None:
    root = Path(__file__).resolve().parent.parent
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--reports", type=Path, default=root / ".latentask/eval/reports")
    a.add_argument("--docs", type=Path, default=root / "docs/results.md")
    a.add_argument("--costs", type=Path, help="reports for the table of times, where --reports were made with something beside them")
    a.add_argument("--card", type=Path, help="write the figures of a bundle's card here, and no table")
    args = a.parse_args()
    reports = read(args.reports)
    if args.card:
        args.card.write_text(json.dumps(card_figures(reports), indent=1) + "\n", encoding="utf-8")
        return
    made = tables(reports)
    if args.costs:
        alone = tables(read(args.costs))
        made |= {"cost": alone["cost"], "cost-made": alone["made"]}
    places = put_tables(args.docs, "eval", made)
    print(f"{len(reports)} reports, {len(made)} tables, {places} places in {args.docs}")


if __name__ == "__main__":
    main()
