"""From gold decompositions to step-by-step trajectories: thought, text subquery, gold passage, bridge names, answer.

MuSiQue: its own hops, with #k filled in. 2Wiki: evidence triples turned into questions by relation. HotpotQA: the human
decomposition (QDMR) where there is one, else "title: question", which is what names the passage. A bridge name is a
string that a passage read earlier must lend to this hop's query: the title of its gold passage or the answer before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

MAX_HOPS = 3  # of a training trajectory; longer chains are cut and then carry no answer


@dataclass
class Hop:
    pid: str
    thought: str
    subquery: str
    bridges: list[str] = field(default_factory=list)


@dataclass
class Trajectory:
    id: str
    dataset: str
    question: str
    answer: str
    hops: list[Hop]
    complete: bool  # the last hop's passage completes the evidence, so that an answer may follow
    gold: list[str]


def plain_title(title: str) -> str:
    return re.sub(r"\s*\(.*?\)\s*$", "", title).strip()


def ask(relation: str, subject: str) -> str:
    """A triple's question."""
    r = relation.strip().lower()
    special = {
        "place of birth": f"Where was {subject} born?",
        "place of death": f"Where did {subject} die?",
        "date of birth": f"When was {subject} born?",
        "date of death": f"When did {subject} die?",
        "cause of death": f"How did {subject} die?",
        "country of citizenship": f"What is the nationality of {subject}?",
        "country of origin": f"Which country is {subject} from?",
        "educated at": f"Where was {subject} educated?",
        "award received": f"Which award did {subject} receive?",
        "publication date": f"When was {subject} released?",
        "inception": f"When was {subject} founded?",
    }
    who = {"director", "performer", "composer", "father", "mother", "spouse", "child", "founded by", "author", "creator"}
    if r in special:
        return special[r]
    return f"{'Who' if r in who else 'What'} is the {r} of {subject}?"


def thought(k: int, subquery: str, previous: str | None) -> str:
    if k == 0 or not previous:
        return f"First I need to know: {subquery}"
    return f"The passage says {previous}. Next: {subquery}"


def musique(q: dict, titles: dict[str, str]) -> list[Hop]:
    hops, answers = [], []
    for k, h in enumerate(q["hops"]):
        text = h["subq"]
        used = [answers[i] for i in range(len(answers)) if f"#{i + 1}" in text]
        for i, a in enumerate(answers):
            text = text.replace(f"#{i + 1}", a)
        if " >> " in text:
            subject, relation = text.split(" >> ", 1)
            text = ask(relation, subject)
        bridges = [*used, plain_title(titles[h["pid"]])] if k else []
        hops.append(Hop(h["pid"], thought(k, text, answers[-1] if answers else None), text, bridges))
        answers.append(h["answer"].strip('"'))
    return hops


def wiki2(q: dict, titles: dict[str, str]) -> list[Hop]:
    by_title = {titles[p]: p for p in q["gold_pids"]}
    hops, seen, objects = [], set(), []
    for subject, relation, obj in q.get("evidences") or []:
        pid = by_title.get(subject) or next((p for t, p in by_title.items() if t.startswith(subject) or plain_title(t) == subject), None)
        if pid is None or pid in seen:
            continue
        seen.add(pid)
        text = ask(relation, subject)
        bridges = [subject, plain_title(titles[pid])] if hops else []
        hops.append(Hop(pid, thought(len(hops), text, objects[-1] if objects else None), text, bridges))
        objects.append(obj)
    if seen != set(q["gold_pids"]):
        return []
    return hops


def hotpot(q: dict, titles: dict[str, str], nearness: dict[str, float]) -> list[Hop]:
    order = sorted(q["gold_pids"], key=lambda p: -nearness[p])
    steps = [re.sub(r"^return\s+", "", s) for s in q.get("decomposition_qdmr") or []]
    hops = []
    for k, pid in enumerate(order):
        title = plain_title(titles[pid])
        text = f"{title}: {q['question']}"
        if len(steps) == len(order):
            text = steps[k]
            for i in range(k + 1):
                text = text.replace(f"#{i + 1}", plain_title(titles[order[min(i + 1, k)]]))
        bridges = [title] if k else []
        hops.append(Hop(pid, thought(k, text, title if k else None), text, bridges))
    return hops


def build(questions: list[dict], passages: dict[str, dict], nearness) -> list[Trajectory]:
    """`nearness(question, pids)` gives the retriever's cosine of each passage to the question."""
    titles = {p: row["title"] for p, row in passages.items()}
    out = []
    for q in questions:
        if any(p not in passages for p in q["gold_pids"]):
            continue
        if q["dataset"] == "musique":
            hops = musique(q, titles)
        elif q["dataset"] == "2wiki":
            hops = wiki2(q, titles)
        else:
            hops = hotpot(q, titles, dict(zip(q["gold_pids"], nearness(q, q["gold_pids"]), strict=True)))
        if len(hops) < 2 or len({h.pid for h in hops}) != len(hops):
            continue
        out.append(
            Trajectory(
                id=q["id"],
                dataset=q["dataset"],
                question=q["question"],
                answer=q["answers"][0],
                hops=hops[:MAX_HOPS],
                complete=len(hops) <= MAX_HOPS,
                gold=[h.pid for h in hops],
            )
        )
    return out


def focus_labels(text: str, offsets: list[tuple[int, int]], bridges: list[str]) -> np.ndarray:
    """1 for every piece of `text` (by character offsets) that lies in a bridge name."""
    y, low = np.zeros(len(offsets), np.float32), text.lower()
    for name in bridges:
        name = name.lower().strip()
        if len(name) < 3:
            continue
        for m in re.finditer(r"(?<!\w)" + re.escape(name) + r"(?!\w)", low):
            for i, (a, b) in enumerate(offsets):
                if a < m.end() and b > m.start():
                    y[i] = 1
    return y
