"""The explicit twin over a bundle's ONNX files: the loop that writes thought and subquery as text. See docs/bundle.md."""

from __future__ import annotations

import copy

import numpy as np

from train.loop import Loop
from train.sequence import Read, one_line


class Explicit:
    """The baseline of `Loop`: its sequence, one forward pass a written token."""

    def __init__(self, loop: Loop):
        self.loop = copy.copy(loop)
        self.loop.lm = loop.open("explicit.onnx")

    def ask(self, question: str, search, max_hops: int, ways: tuple[str, ...] = ("free",)) -> dict:
        """`search(hop, vector, subquery)` → passage texts. → answers, answer, actions, vectors, thoughts, subqueries."""
        loop, tok, limits = self.loop, self.loop.tok, self.loop.m["limits"]
        bias = loop.m.get("action", {}).get("explicit", 0.0)
        question = one_line(question)
        asked = tok.read(question, limits["question_tokens"])
        cache, past, reads, block = loop.cache(), 0, [], []
        ids = tok.question(question)
        out: dict = {"actions": [], "vectors": [], "thoughts": [], "subqueries": []}
        for hop in range(max_hops + 1):
            ids = ids + [t for r in block for t in tok.prompt["passage"] + r.ids] + [tok.newline, *tok.prompt["thought"]]
            states, action = loop.forward(cache, past, ids, [len(ids) - 1])
            past += len(ids)
            if hop == max_hops:
                break
            to_query, to_answer = action[0].tolist()
            out["actions"].append(int(hop > 0 and to_answer + bias > to_query))
            if out["actions"][-1]:
                break
            thought, past = self.write(cache, past, states, limits["thought_tokens"])
            ids = [tok.newline, *tok.prompt["subquery"]]
            states, _ = loop.forward(cache, past, ids, [len(ids) - 1])
            subquery, past = self.write(cache, past + len(ids), states, limits["subquery_tokens"])
            out["thoughts"].append(thought)
            out["subqueries"].append(subquery)
            out["vectors"].append(loop.embed([subquery or question], asked=True)[0])
            texts = search(hop, out["vectors"][-1], subquery)
            block: list[Read] = [tok.read(one_line(t), limits["passage_tokens"]) for t in texts]
            reads += block
            ids = []
        states, _ = loop.forward(cache, past, tok.prompt["answer"], [len(tok.prompt["answer"]) - 1])
        past += len(tok.prompt["answer"])
        out["answers"] = {way: loop.answer(way, cache, past, states, asked, reads, []) for way in ways}
        out["answer"] = out["answers"][ways[0]].text if ways else ""
        out["vectors"] = np.array(out["vectors"])
        return out

    def write(self, cache, past: int, states: np.ndarray, limit: int) -> tuple[str, int]:
        """Greedy text, all of whose tokens end up in the cache, and how far that is filled then."""
        loop, ids = self.loop, []
        while len(ids) < limit:
            token = int(loop.logprobs(states)[0].argmax())
            if token in (loop.tok.eos, loop.tok.newline):
                break
            ids.append(token)
            states, _ = loop.forward(cache, past, [token], [0])
            past += 1
        return loop.spell(ids), past
