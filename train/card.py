"""The model card of a bundle: a template beside the adapter, filled from what the manifest says."""

from __future__ import annotations

from string import Template

TEMPLATE = "MODEL_CARD.template.md"
NAME = "MODEL_CARD.md"


def fill(template: str, manifest: dict) -> str:
    """`$name`, `$version`, `$precision`, `$backbone`, `$retriever`, `$tokens`, `$sources` and `$figures` are filled in; an
    unknown placeholder is an error, so that no card goes out with a hole."""
    training = manifest["training"]
    return Template(template).substitute(
        name=manifest["name"],
        version=manifest["version"],
        precision=manifest["precision"],
        backbone=manifest["backbone"]["name"],
        retriever=manifest["retriever"]["name"],
        tokens=f"{training['tokens']:,}",
        sources="\n".join(f"| {s['name']} | `{s['package']}` {s['version']} | {s['license']} |" for s in manifest["sources"]),
        figures=figures(training.get("figures", {})),
    )


def figures(values: dict, prefix: str = "") -> str:
    """Rows of a table, nested groups joined by ` · `."""
    if not values and not prefix:
        return "| none measured | |"
    rows = []
    for key, value in values.items():
        label = f"{prefix}{key}"
        rows.append(figures(value, label + " · ") if isinstance(value, dict) else f"| {label} | {value} |")
    return "\n".join(rows)
