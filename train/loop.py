"""The latent loop over a bundle's ONNX files, in Python: the reference that parity vectors are made with, and a check of
a fresh bundle without a node. One question at a time, keys and values in one buffer, one pass a hop."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from train.answers import ABSTAIN, Answer, Word, decode_span, fixed_text, normal, point, span_text
from train.sequence import Read, Tokens, one_line
from train.settings import Settings


@dataclass
class Turn:
    """One turn of a walk: what was known behind its think tokens."""

    end: int  # tokens in the cache up to and with the think tokens
    read: int  # passages read by then
    words: int  # words of the question and of those passages
    margin: float  # the answer's logit less the query's
    supports: list[float]  # of the passages read
    think: np.ndarray  # [m,H]
    query: np.ndarray  # [n,H]; empty at the hop limit
    searched: bool = False
    vector: np.ndarray | None = None
    focus: list[list] = field(default_factory=list)
    lens: list[str] = field(default_factory=list)


@dataclass
class Walk:
    """A question on its way: keys and values, what was read, the turns."""

    cache: list[ort.OrtValue]
    asked: Read
    first: int = 0  # where the first hop's passages begin
    reads: list[Read] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    ends: list[np.ndarray | None] = field(default_factory=list)  # the state behind each passage read
    turns: list[Turn] = field(default_factory=list)


ACTION = {
    "margin": 1.0,
    "support": 0.0,
    "second": 0.0,
    "newest": 0.0,
    "carry": 0.0,
    "bias": 0.0,
    "hops": (),
}  # of a manifest that says nothing
CACHE = {"float32": np.float32, "float16": np.float16}


def greatest(supports: Sequence[float], n: int) -> float:
    """The sum of the n greatest, of all for 0."""
    return sum(sorted(supports, reverse=True)[: n or None])


def second(supports: Sequence[float]) -> float:
    """The second greatest, 0 of fewer."""
    return sorted(supports, reverse=True)[1] if len(supports) > 1 else 0.0


def bias_after(hops: Sequence[float], searches: int) -> float:
    """The manifest's bias after so many searches, 1 or more: the last one holds for all further, none is 0."""
    return hops[min(searches, len(hops)) - 1] if len(hops) else 0.0


FOCUS = 0.15  # the gate above which a piece belongs to the focus, of a bundle that is exported now


def focus_words(candidates: list[tuple[int, str, tuple[int, int]]], gates: np.ndarray, threshold: float) -> list[list]:
    """Whole words whose gate passes the threshold: [[word, weight], …], at most 16, heaviest first. A candidate is a piece: which
    passage, its text, the piece's offsets there."""
    best: dict[str, float] = {}
    for (_, text, (a, b)), gate in zip(candidates, gates.tolist(), strict=True):
        if gate <= threshold:
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


def excerpts(tok: Tokens, texts: list[str], question: str, focus: list[list], budget: int) -> list[str]:
    """What a hop reads of the texts that it found, `budget` tokens of each."""
    toward = " ".join([question, *(w for w, _ in focus)])
    return [tok.excerpt(text, toward, budget) for text in texts]


class Loop:
    def __init__(self, folder: Path, manifest: dict | None = None, threads: int = 2):
        folder = Path(folder)
        self.m = manifest or json.loads((folder / "manifest.json").read_text())
        o = ort.SessionOptions()
        o.intra_op_num_threads = threads
        o.log_severity_level = 3
        o.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.open = lambda name: ort.InferenceSession(str(folder / name), o, providers=["CPUExecutionProvider"])
        self.lm, self.head, self.query, self.decode = (self.open(f) for f in ("lm.onnx", "head.onnx", "query.onnx", "decode.onnx"))
        self.encoder = self.open("encoder.onnx")
        self.pointer = self.open("pointer.onnx") if (folder / "pointer.onnx").exists() else None
        self.support = self.open("support.onnx") if (folder / "support.onnx").exists() else None
        self.ways = ("free", "span", *(["pointer"] if self.pointer else []))
        b, r, lat, lim = self.m["backbone"], self.m["retriever"], self.m["latent"], self.m["limits"]
        s = Settings(
            think=lat["think"], query=lat["query"], question_tokens=lim["question_tokens"],
            max_question_tokens=self.m["retriever"]["max_question_tokens"], tell_with_question="focus" in self.m["prompt"],
        )  # fmt: skip
        self.tok = Tokens(
            Tokenizer.from_file(str(folder / "lm_tokenizer.json")),
            Tokenizer.from_file(str(folder / "retriever_tokenizer.json")),
            b["vocab"],
            s,
            eos=b["eos"],
            newline=b["newline"],
            question_prefix=r.get("question_prefix", r["prefix"]),
            words=r.get("words", "wordpiece"),
        )
        self.tells = (folder / "tell.onnx").exists()

    @cached_property
    def teller(self) -> Loop:
        """What puts latents into words."""
        if not self.tells:
            return self
        teller = copy.copy(self)
        teller.lm = self.open("tell.onnx")
        return teller

    # -- passes ---------------------------------------------------------------------------------------------------------

    def cache(self, capacity: int | None = None) -> list[ort.OrtValue]:
        b = self.m["backbone"]
        shape, kind = (1, b["kv_heads"], capacity or b["max_positions"], b["head_dim"]), CACHE[b.get("cache", "float32")]
        # An OrtValue is a view of its array, so each needs one of its own.
        return [ort.OrtValue.ortvalue_from_numpy(np.zeros(shape, kind)) for _ in range(2 * b["layers"])]

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

    def logprobs(self, states: np.ndarray) -> np.ndarray:
        """[R,H] → log-probabilities of the next token [R,V]."""
        return self.head.run(None, {"states": states})[0]

    def generate(self, cache, past: int, states: np.ndarray, limit: int) -> tuple[str, float]:
        """Greedy text from the state that predicts the first token; and its mean log-probability, its end included."""
        ids, logs = [], []
        stop = (self.m["backbone"]["eos"], self.m["backbone"]["newline"])
        while len(ids) < limit:
            logprobs = self.logprobs(states)[0]
            token = int(logprobs.argmax())
            logs.append(float(logprobs[token]))
            if token in stop:
                break
            ids.append(token)
            if len(ids) == limit:
                break
            states, _ = self.forward(cache, past, ids[-1:], [0])
            past += 1
        return self.spell(ids), float(np.mean(logs))

    def embed(self, texts: list[str], asked: bool = False) -> np.ndarray:
        """Unit vectors [N,D] of stored texts, or, if `asked`, of questions."""
        r, out = self.m["retriever"], []
        prefix = r.get("question_prefix", r["prefix"]) if asked else r["prefix"]
        for t in texts:
            ids = self.tok.retriever.encode(prefix + t.replace("\0", " ")).ids
            ids = ids if len(ids) <= r["max_tokens"] else ids[: r["max_tokens"] - 1] + ids[-1:]
            x = np.array([ids], np.int64)
            out.append(self.encoder.run(None, {"input_ids": x, "attention_mask": np.ones_like(x)})[0][0])
        return np.array(out)

    # -- the loop -------------------------------------------------------------------------------------------------------

    def ask(self, question: str, search, max_hops: int, ways: tuple[str, ...] = ("free",), *, decode=False, lens=False) -> dict:
        """`search(hop, vector, words)` → passage texts. See docs/bundle.md, "The sequence".

        → answers (one for each of `ways`), answer (the first's text), actions, vectors, focus, supports (at the end, in reading
        order), thoughts, subqueries, lens.
        """
        w = self.walk(question, search, max_hops, lens=lens)
        if decode:  # before the answer takes over the keys and values: they have caches of their own
            words = [(self.text("thought", question, t), self.text("subquery", question, t)) for t in w.turns if t.searched]
        answers = self.answers(w, len(w.turns), ways, self.best(w.turns[-1].supports))
        searched = [t for t in w.turns if t.searched]
        return {
            "answers": answers,
            "answer": answers[ways[0]].text if ways else "",
            "actions": [0 if t.searched else 1 for t in w.turns[:max_hops]],
            "supports": w.turns[-1].supports,
            "vectors": np.array([t.vector for t in searched]),
            "focus": [t.focus for t in searched],
            "lens": [t.lens for t in searched] if lens else [],
            "thoughts": [a for a, _ in words] if decode else [],
            "subqueries": [b for _, b in words] if decode else [],
        }

    def walk(self, question: str, search, max_hops: int, *, stop: bool = True, lens: bool = False) -> Walk:
        """The hops, up to the turn behind which the answer begins. Without `stop` there are `max_hops` of them, or as many as
        `search` makes: it may return None to end the walk there, which then has no turn to answer behind."""
        m = len(self.tok.think)
        question = one_line(question)
        w = Walk(self.cache(), self.tok.read(question, self.m["limits"]["question_tokens"]))
        past, block, weighed = 0, [], 0.0
        cand_ids, cand_states, cand_words = [], [], []
        for hop in range(max_hops + 1):
            ids, texts = [], []  # texts: (index of a text, the text, where its tokens begin)
            if hop == 0:
                ids = self.tok.question(question)
                texts.append((0, w.asked, len(self.tok.prompt["question"])))
            for i, r in enumerate(block):
                ids = ids + self.tok.prompt["passage"]
                texts.append((len(w.reads) - len(block) + i + 1, r, len(ids)))
                ids = ids + r.ids
            last = hop == max_hops
            at = len(ids)
            ids = ids + self.tok.think + ([] if last else self.tok.query)
            rows = sorted({start + k for i, r, start in texts if i or self.pointer for k in r.states})
            states, action = self.forward(w.cache, past, ids, [*rows, *range(at, len(ids))])
            where = {row: i for i, row in enumerate(rows)}
            w.words += self.words_of(texts, states, where)
            for i, r, start in texts:
                if i:
                    w.ends.append(states[where[start + r.word_states[-1]]] if r.word_states else None)
                for c, piece in enumerate(r.pieces if i else []):
                    cand_ids.append(piece)
                    cand_states.append(states[where[start + r.states[c]]])
                    cand_words.append((i - 1, r.text, r.offsets[c]))
            think, query = states[len(rows) : len(rows) + m], states[len(rows) + m :]
            to_query, to_answer = action[len(rows) + m - 1].tolist()
            margin, supports = to_answer - to_query, self.supports(think[-1], w.ends)
            weighed = self.weigh(margin, supports, len(block), weighed) if hop else 0.0
            t = Turn(past + at + m, len(w.reads), len(w.words), margin, supports, think, query)
            w.turns.append(t)
            t.searched = not last and not (hop and stop and weighed + self.bias(hop) > 0)
            if not t.searched:
                break
            past += len(ids)
            w.first = w.first or past
            t.vector, gates = self.make_query(question, query, cand_ids, cand_states)
            t.focus = focus_words(cand_words, gates, self.m["latent"]["focus_threshold"])
            if lens:
                t.lens = [self.spell([int(i)]) for i in self.logprobs(np.concatenate([think, query])).argmax(1)]
            found = search(hop, t.vector, t.focus)
            if found is None:
                break
            block = [self.tok.read(one_line(x), self.m["limits"]["passage_tokens"]) for x in found]
            w.reads += block
        return w

    def answers(self, w: Walk, turns: int, ways: tuple[str, ...], best: list[int]) -> dict[str, Answer]:
        """The answers after that many turns, which overwrite the keys and values of what came later. Where `best` leaves out
        some of the passages read until then, the rest are read anew behind the first hop's latents."""
        t, tail = w.turns[turns - 1], self.tok.prompt["answer"]
        if len(best) == t.read:
            states, _ = self.forward(w.cache, t.end, tail, [len(tail) - 1])
            past, words = t.end + len(tail), w.words[: t.words]
        else:
            ids, texts = [], []
            for i in best:
                ids = ids + self.tok.prompt["passage"]
                texts.append((len(texts) + 1, w.reads[i], len(ids)))
                ids = ids + w.reads[i].ids
            ids = ids + self.tok.think + tail
            rows = sorted({start + k for _, r, start in texts for k in r.word_states}) if self.pointer else []
            states, _ = self.forward(w.cache, w.first, ids, [*rows, len(ids) - 1])
            words = [x for x in w.words if x.text == 0] + self.words_of(texts, states, {row: i for i, row in enumerate(rows)})
            past, states = w.first + len(ids), states[-1:]
        out = {}
        for way in ways:
            a = self.answer(way, w.cache, past, states, w.asked, [w.reads[i] for i in best], words)
            if a.source:
                a = dataclasses.replace(a, source=dataclasses.replace(a.source, passage=best[a.source.passage]))
            out[way] = a
        return out

    def excerpts(self, texts: list[str], question: str, focus: list[list]) -> list[str]:
        return excerpts(self.tok, texts, question, focus, self.m["limits"]["passage_tokens"])

    def words_of(self, texts: list[tuple[int, Read, int]], states: np.ndarray, where: dict[int, int]) -> list[Word]:
        """The pointer's words of texts (index, text, where its tokens begin)."""
        if not self.pointer:
            return []
        return [
            Word(i, a, b, states[where[start + k]])
            for i, r, start in texts
            for (a, b), k in zip(r.word_offsets, r.word_states, strict=True)
        ]

    def supports(self, think: np.ndarray, ends: list[np.ndarray | None]) -> list[float]:
        """The support of each passage read, by the state of the last think token; 0 of one without words."""
        rows = [e for e in ends if e is not None]
        if not self.support or not rows:
            return [0.0] * len(ends)
        got = iter(self.support.run(None, {"think_state": think[None], "passage_states": np.array(rows)[None]})[0][0].tolist())
        return [0.0 if e is None else next(got) for e in ends]

    def weigh(self, margin: float, supports: list[float], newest: int, before: float) -> float:
        """The manifest's evidence that all has been read; `newest` of the passages are of the last search, `before` is the
        evidence after the one before it."""
        a = {**ACTION, **self.m.get("action", {})}
        fresh = max(supports[len(supports) - newest :], default=0.0)
        held = a["support"] * sum(supports) + a["second"] * second(supports) + a["newest"] * fresh
        return a["margin"] * margin + held + a["carry"] * before

    def bias(self, searches: int) -> float:
        """What is added to the evidence after so many searches. Above 0 the loop answers."""
        a = {**ACTION, **self.m.get("action", {})}
        return a["bias"] + bias_after(a["hops"], searches)

    def best(self, supports: list[float], most: int | None = None) -> list[int]:
        """The passages that the answer is read from, in reading order: the `most` best supported (by default the manifest's number), 0 for all."""
        if most is None:
            most = self.m.get("answer", {}).get("passages", 0)
        if not most or not self.support:
            return list(range(len(supports)))
        return sorted(sorted(range(len(supports)), key=lambda i: -supports[i])[:most])

    # -- answers --------------------------------------------------------------------------------------------------------

    def answer(self, way: str, cache, past: int, states: np.ndarray, asked: Read, reads: list[Read], word_states: list[Word]) -> Answer:
        """The answer behind `states` [1,H], the state of the last token of the answer's prompt."""
        b, limit = self.m["backbone"], self.m["limits"]["answer_tokens"]
        if way == "free":
            text, score = self.generate(cache, past, states, limit)
            return Answer(text, score, None, not text or normal(text) == ABSTAIN)
        if way == "pointer":
            least = max(8, len(word_states))
            rows, mask = np.zeros((1, least, b["hidden"]), np.float32), np.zeros((1, least), np.float32)
            for i, w in enumerate(word_states):
                rows[0, i], mask[0, i] = w.state, 1
            feed = {"answer_state": states, "word_states": rows, "word_mask": mask}
            start, starts, end = self.pointer.run(["start", "starts", "end"], feed)
            return point(start[0], starts[0], end[0], word_states, [asked.text] + [r.text for r in reads])
        texts = [span_text(self.tok.lm, r.text, len(r.ids), i) for i, r in enumerate(reads)]
        texts += [span_text(self.tok.lm, asked.text, len(asked.ids))] + [fixed_text(self.tok.lm, a) for a in ("yes", "no")]
        at = [past]

        def extend(token: int) -> np.ndarray:
            state, _ = self.forward(cache, at[0], [token], [0])
            at[0] += 1
            return self.logprobs(state)[0]

        unknown = self.tok.lm.encode(" " + ABSTAIN).ids[0]
        return decode_span(self.logprobs(states)[0], extend, texts, (b["eos"], b["newline"]), unknown, limit)

    def spell(self, ids: list[int]) -> str:
        return one_line(self.tok.lm.decode(ids))

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

    def text(self, name: str, question: str, t: Turn) -> str:
        """What the latents of a turn say in words."""
        out = dict(
            zip(
                ("thought", "subquery"),
                self.decode.run(["thought", "subquery"], {"think_states": t.think[None], "query_states": t.query[None]}),
                strict=True,
            )
        )
        inject = out[name][0]
        ids = self.tok.telling(name, one_line(question), [w for w, _ in t.focus]) + [self.tok.inject + i for i in range(len(inject))]
        limit = self.m["limits"][f"{name}_tokens"]
        cache = self.cache(len(ids) + limit)
        states, _ = self.teller.forward(cache, 0, ids, [len(ids) - 1], inject)
        return self.teller.generate(cache, len(ids), states, limit)[0]
