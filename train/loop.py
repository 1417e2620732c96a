"""The latent loop over a bundle's ONNX files, in Python: the reference that parity vectors are made with, and a check of
a fresh bundle without a node. One question at a time, keys and values in one buffer, one pass a hop."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from train.sequence import Read, Tokens
from train.settings import Settings


class Loop:
    def __init__(self, folder: Path, manifest: dict | None = None, threads: int = 2):
        folder = Path(folder)
        self.m = manifest or json.loads((folder / "manifest.json").read_text())
        o = ort.SessionOptions()
        o.intra_op_num_threads = threads
        o.log_severity_level = 3
        o.add_session_config_entry("session.intra_op.allow_spinning", "0")
        load = lambda name: ort.InferenceSession(str(folder / name), o, providers=["CPUExecutionProvider"])  # noqa: E731
        self.lm, self.head, self.query, self.decode = (load(f) for f in ("lm.onnx", "head.onnx", "query.onnx", "decode.onnx"))
        self.encoder = load("encoder.onnx")
        b, lat, lim = self.m["backbone"], self.m["latent"], self.m["limits"]
        s = Settings(
            think=lat["think"], query=lat["query"], question_tokens=lim["question_tokens"],
            max_question_tokens=self.m["retriever"]["max_question_tokens"],
        )  # fmt: skip
        self.tok = Tokens(
            Tokenizer.from_file(str(folder / "lm_tokenizer.json")),
            Tokenizer.from_file(str(folder / "retriever_tokenizer.json")),
            b["vocab"],
            s,
        )

    # -- passes ---------------------------------------------------------------------------------------------------------

    def cache(self, capacity: int = 2048) -> list[np.ndarray]:
        b = self.m["backbone"]
        zeros = lambda: ort.OrtValue.ortvalue_from_numpy(np.zeros((1, b["kv_heads"], capacity, b["head_dim"]), np.float32))  # noqa: E731
        return [zeros() for _ in range(2 * b["layers"])]

    def forward(self, cache, past: int, ids: list[int], rows: list[int], inject: np.ndarray | None = None):
        """One pass; writes the cache at past…past+T−1. → states [R,H], action [R,2]."""
        H = self.m["backbone"]["hidden"]
        io = self.lm.io_binding()
        put = lambda name, array: io.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))  # noqa: E731
        put("input_ids", np.array([ids], np.int64))
        put("inject", np.zeros((1, H), np.float32) if inject is None else inject.astype(np.float32))
        put("rows", np.array(rows, np.int64))
        put("seqlens_k", np.array([past + len(ids) - 1], np.int32))
        put("total_length", np.array(past + len(ids), np.int32))
        for i in range(self.m["backbone"]["layers"]):
            for j, kind in enumerate(("key", "value")):
                io.bind_ortvalue_input(f"past_{kind}_{i}", cache[2 * i + j])
                io.bind_ortvalue_output(f"present_{kind}_{i}", cache[2 * i + j])
        io.bind_output("states")
        io.bind_output("action")
        self.lm.run_with_iobinding(io)
        out = dict(zip((o.name for o in self.lm.get_outputs()), io.get_outputs(), strict=False))
        return out["states"].numpy(), out["action"].numpy()

    def generate(self, cache, past: int, states: np.ndarray, limit: int) -> tuple[str, float]:
        """Greedy text from the state that predicts the first token; and its mean log probability."""
        ids, logs = [], []
        b = self.m["backbone"]
        while len(ids) < limit:
            token, logprob = self.head.run(None, {"states": states})
            logs.append(float(logprob[0]))
            if token[0] in (b["eos"], b["newline"]):
                break
            ids.append(int(token[0]))
            if len(ids) == limit:
                break
            states, _ = self.forward(cache, past, ids[-1:], [0])
            past += 1
        return self.tok.lm.decode(ids).strip(), float(np.mean(logs))

    def embed(self, texts: list[str]) -> np.ndarray:
        out = []
        for t in texts:
            ids = self.tok.retriever.encode(t.replace("\0", " ")).ids
            limit = self.m["retriever"]["max_tokens"]
            ids = ids if len(ids) <= limit else ids[: limit - 1] + ids[-1:]
            x = np.array([ids], np.int64)
            out.append(self.encoder.run(None, {"input_ids": x, "attention_mask": np.ones_like(x)})[0][0])
        return np.array(out)

    # -- the loop -------------------------------------------------------------------------------------------------------

    def ask(self, question: str, search, max_hops: int, decode: bool = False) -> dict:
        """`search(hop, vector, words)` → passage texts. See docs/bundle.md, "The sequence"."""
        m, n = len(self.tok.think), len(self.tok.query)
        cache, past = self.cache(), 0
        reads: list[Read] = []
        cand_ids, cand_states, cand_words = [], [], []
        vectors, actions, focus, thoughts, subqueries = [], [], [], [], []
        block: list[Read] = []
        for hop in range(max_hops + 1):
            ids = self.tok.question(question) if hop == 0 else []
            rows, taken = [], []
            for r in block:
                ids = ids + self.tok.prompt["passage"]
                for c in range(len(r.pieces)):
                    rows.append(len(ids) + r.states[c])
                    taken.append((r, c))
                ids = ids + r.ids
            last = hop == max_hops
            at = len(ids)
            ids = ids + self.tok.think + (self.tok.prompt["answer"] if last else self.tok.query)
            if last:
                states, _ = self.forward(cache, past, ids, [len(ids) - 1])
                past += len(ids)
                break
            unique = sorted(set(rows))
            wanted = unique + list(range(at, at + m + n))
            states, action = self.forward(cache, past, ids, wanted)
            where = {row: i for i, row in enumerate(unique)}
            for row, (r, c) in zip(rows, taken, strict=True):
                cand_ids.append(r.pieces[c])
                cand_states.append(states[where[row]])
                cand_words.append((len(reads) - len(block) + block.index(r), r.text, r.offsets[c]))
            think, query = states[len(unique) : len(unique) + m], states[len(unique) + m :]
            act = int(action[len(unique) + m - 1].argmax()) if hop else 0
            actions.append(act)
            if act == 1:
                past += at + m  # the query tokens are rolled back
                states, _ = self.forward(cache, past, self.tok.prompt["answer"], [len(self.tok.prompt["answer"]) - 1])
                past += len(self.tok.prompt["answer"])
                break
            past += len(ids)
            vector, gates = self.make_query(question, query, cand_ids, cand_states)
            vectors.append(vector)
            focus.append(self.focus(cand_words, gates))
            if decode:
                thoughts.append(self.text("thought", think, query))
                subqueries.append(self.text("subquery", think, query))
            block = [self.tok.read(" ".join(t.split()), self.m["limits"]["passage_tokens"]) for t in search(hop, vector, focus[-1])]
            reads += block
        answer, logprob = self.generate(cache, past, states, self.m["limits"]["answer_tokens"])
        return {
            "answer": answer, "logprob": logprob, "actions": actions, "vectors": np.array(vectors), "focus": focus,
            "thoughts": thoughts, "subqueries": subqueries,
        }  # fmt: skip

    def make_query(self, question: str, query_states, cand_ids, cand_states):
        H, least = self.m["backbone"]["hidden"], self.m["latent"]["pieces"]
        C = max(least, len(cand_ids))
        ids, states, mask = np.zeros((1, C), np.int64), np.zeros((1, C, H), np.float32), np.zeros((1, C), np.float32)
        if cand_ids:
            ids[0, : len(cand_ids)], states[0, : len(cand_ids)], mask[0, : len(cand_ids)] = cand_ids, cand_states, 1
        gates, vector = self.query.run(
            ["gates", "vector"],
            {
                "query_states": query_states[None],
                "question_ids": np.array([self.tok.question_pieces(question)], np.int64),
                "candidate_ids": ids,
                "candidate_states": states,
                "candidate_mask": mask,
            },
        )
        return vector[0], gates[0, : len(cand_ids)]

    def focus(self, cand_words, gates) -> list[list]:
        """Whole words whose gate passes the threshold: [[word, weight], …], at most 16, heaviest first."""
        best: dict[str, float] = {}
        for (_, text, (a, b)), gate in zip(cand_words, gates.tolist(), strict=True):
            if gate <= self.m["latent"]["focus_threshold"]:
                continue
            if not any(ch.isalnum() for ch in text[a:b]):
                continue  # punctuation is no focus word
            while not text[a].isalnum():
                a += 1
            while a > 0 and text[a - 1].isalnum():
                a -= 1
            while b < len(text) and text[b].isalnum():
                b += 1
            word = text[a:b].lower()
            best[word] = max(best.get(word, 0.0), gate)
        return [[w, round(g, 6)] for w, g in sorted(best.items(), key=lambda x: -x[1])][:16]

    def text(self, name: str, think, query) -> str:
        out = dict(
            zip(
                ("thought", "subquery"),
                self.decode.run(["thought", "subquery"], {"think_states": think[None], "query_states": query[None]}),
                strict=True,
            )
        )
        inject = out[name][0]
        ids = self.tok.prompt[name] + [self.tok.inject + i for i in range(len(inject))]
        cache = self.cache(128)
        states, _ = self.forward(cache, 0, ids, [len(ids) - 1], inject)
        return self.generate(cache, len(ids), states, self.m["limits"][f"{name}_tokens"])[0]
