"""From gold decompositions to trajectories: thought, text subquery, gold passage, bridge names, answer of each hop.

MuSiQue: its own hops, with #k filled in; each hop alone is also a question of one hop. 2Wiki: evidence triples turned into
questions by relation. HotpotQA: the human decomposition (QDMR) where there is one, else "title: question", which is what
names the passage. A bridge name is a string that a passage read earlier must lend to this hop's query: the title of its
gold passage or the answer before.
"""

from __future__ import annotations

import random
import re

from train.text import plain_title
from train.trajectories import Hop, Trajectory

MAX_HOPS = 4  # of a training trajectory; longer chains are cut and then carry no answer


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


def thought(previous: str | None, subquery: str) -> str:
    return f"The passage says {previous}. Next: {subquery}" if previous else f"First I need to know: {subquery}"


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
        answer = h["answer"].strip('"')
        hops.append(Hop(h["pid"], thought(answers[-1] if answers else None, text), text, bridges, answer))
        answers.append(answer)
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
        hops.append(Hop(pid, thought(objects[-1] if objects else None, text), text, bridges, obj))
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
        hops.append(Hop(pid, thought(title if k else None, text), text, bridges))
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
                source=q["dataset"],
                scope=q["dataset"],
                kind="comparison" if "comparison" in q.get("type", "") else "bridge",
                question=q["question"],
                answer=q["answers"][0],
                hops=hops[:MAX_HOPS],
                complete=len(hops) <= MAX_HOPS,
            )
        )
    return out


def single_hops(trajectories: list[Trajectory], seed: int, count: int) -> list[Trajectory]:
    """MuSiQue's hops as questions of one hop each: what stopping after one search, and reading, are learned from."""
    out = []
    for t in trajectories:
        if t.source != "musique":
            continue
        for k, h in enumerate(t.hops):
            if h.answer:
                hop = Hop(h.pid, thought(None, h.subquery), h.subquery, [], h.answer)
                out.append(Trajectory(f"{t.id}#{k + 1}", "single", t.scope, "single", h.subquery, h.answer, [hop], True))
    random.Random(seed).shuffle(out)
    return out[:count]
