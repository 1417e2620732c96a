"""A collection's own searches, which users have before anything is adopted."""

from __future__ import annotations

from collections.abc import Sequence

from weaviate.collections import Collection

from .settings import ID_PROPERTY

# As many as a loop reads at most: four hops of three. What a loop read on a question is compared with the first so many.
# Up to this limit an HNSW search looks at the same candidates, and so does Weaviate's hybrid.
MOST = 12
ALPHA = 0.5


def search_all(collection: Collection, questions: Sequence[dict], vectors: Sequence[list[float]] | None) -> list[dict]:
    """Pids that each search finds, best first. Vectors are those of the questions, where the collection can't make them."""
    rows = []
    for i, q in enumerate(questions):
        shape = {"limit": MOST, "return_properties": [ID_PROPERTY]}
        text, vector = q["question"], None if vectors is None else vectors[i]
        query = collection.query
        near = query.near_text(text, **shape) if vector is None else query.near_vector(vector, **shape)
        hybrid = query.hybrid(text, vector=vector, alpha=ALPHA, **shape)
        found = {"near": near, "hybrid": hybrid}
        rows.append({"id": q["id"], **{name: [o.properties[ID_PROPERTY] for o in r.objects] for name, r in found.items()}})
    return rows
