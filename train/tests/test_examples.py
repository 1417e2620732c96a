import random

import numpy as np
import pytest

from train.answers import FIXED
from train.examples import MISSES, Builder, Seen, focus_labels, point
from train.sequence import EOS, NEWLINE, TOLD_TOKENS, TOLD_WORDS, Read, Tokens
from train.settings import Settings
from train.trajectories import Hop, Search, Trajectory

PASSAGES = [
    {"pid": "a", "title": "Sleep, My Love", "text": "Sleep, My Love is a 1948 film by Douglas Sirk."},
    {"pid": "b", "title": "Douglas Sirk", "text": "Douglas Sirk died on 14 January 1987 in Lugano."},
    {"pid": "c", "title": "Lugano", "text": "Lugano is a city in Switzerland."},
]
ROW = {p["pid"]: i for i, p in enumerate(PASSAGES)}


def trajectory(**kw):
    hops = [
        Hop("a", "First I need to know: who?", "Who directed Sleep, My Love?", [], "Douglas Sirk", ["a", "c"]),
        Hop("b", "Next: when?", "When did Douglas Sirk die?", ["Douglas Sirk"], "14 January 1987", ["c", "b"]),
    ]
    return Trajectory(**{"id": "t", "source": "2wiki", "scope": "2wiki", "kind": "bridge", "question": "When did the director of Sleep, My Love die?", "answer": "14 January 1987", "hops": hops, "complete": True} | kw)  # fmt: skip


@pytest.fixture(scope="module")
def tokens(backbone, retriever):
    return Tokens(backbone.tokenizer, retriever.tokenizer, backbone.vocab, Settings())


def build(tokens, t, seed=0, **kw):
    s = Settings(**{"answer_share": 1.0, "miss_share": 0.0, "hide_share": 0.0, "decode_share": 0.0} | kw)
    return Builder(tokens, s, {p["pid"]: p for p in PASSAGES}, ROW)(t, random.Random(seed)), s


def test_latents_stand_before_the_passages_of_their_hop_and_the_answer_behind_the_last(tokens):
    e, s = build(tokens, trajectory())
    assert [h.gold for h in e.hops] == [0, 1]
    for h in e.hops:
        assert e.ids[h.at : h.at + s.think + s.query] == tokens.think + tokens.query
    assert [a for _, a in e.actions] == [0, 0, 1]
    assert e.texts[-1][1] == EOS and tokens.lm.decode([t for _, t in e.texts[:-1]]) == " 14 January 1987"
    assert all(e.ids[p + 1] == t for p, t in e.texts)


def test_only_passages_read_before_a_hop_are_its_candidates(tokens):
    e, _ = build(tokens, trajectory())
    assert not e.hops[0].candidates
    pieces = [tokens.retriever.id_to_token(p) for (_, p), y in zip(e.hops[1].candidates, e.hops[1].labels, strict=True) if y]
    assert "".join(pieces).replace("##", "") == "douglassirk"
    assert all(at < e.hops[1].at for at, _ in e.hops[1].candidates)


def test_latents_are_told_behind_the_question_and_what_the_hop_copied(backbone, retriever):
    tok = Tokens(backbone.tokenizer, retriever.tokenizer, backbone.vocab, Settings(tell_with_question=True))
    spell = lambda *told: tok.lm.decode(tok.telling(*told))  # noqa: E731
    assert spell("thought", "Who wrote it?", ["knox", "blast"]) == "Question: Who wrote it?\nFocus: knox, blast\nThought:"
    assert spell("subquery", "Who wrote it?", []) == "Question: Who wrote it?\nSearch:"
    assert spell("subquery", "Q?", [f"w{i}" for i in range(20)]).count(",") == TOLD_WORDS - 1
    assert len(tok.telling("subquery", "Q?", ["abc" * 100] * 8)) <= len(tok.telling("subquery", "Q?", [])) + TOLD_TOKENS + len(
        tok.prompt["focus"]
    )

    walked = trajectory(walked=[Search(["a", "c"], []), Search(["b"], ["douglas", "sirk"])])
    e, _ = build(tok, walked, tell_with_question=True)
    assert [h.focus for h in e.hops] == [[], ["douglas", "sirk"]]
    taught = [build(tok, trajectory(), seed=i, tell_with_question=True)[0].hops for i in range(40)]
    assert all(first.focus == [] for first, *_ in taught)
    assert 60 < sum(w in hops[1].focus for hops in taught for w in ("douglas", "sirk")) < 80
    assert len({tuple(hops[1].focus) for hops in taught}) > 5


def test_latents_alone_have_nothing_before_their_prompt(tokens):
    assert tokens.telling("thought", "Who wrote it?", ["knox"]) == tokens.prompt["thought"] and "focus" not in tokens.prompt


def test_gold_of_other_hops_counts_neither_way(tokens):
    e, _ = build(tokens, trajectory())
    assert e.hops[0].other == {1} and 0 in e.hops[1].other and 1 not in e.hops[1].other


def test_a_missed_hop_is_asked_again_with_the_same_gold(tokens):
    e, _ = build(tokens, trajectory(), miss_share=1.0)
    assert [h.gold for h in e.hops][:2] == [0, 0] and [a for _, a in e.actions[:2]] == [0, 0]
    assert [h.gold for h in e.hops].count(0) <= 1 + MISSES


def test_where_gold_never_comes_the_answer_is_unknown_and_the_action_is_to_search(tokens):
    read_first = set()
    for seed in range(12):
        e, _ = build(tokens, trajectory(), seed, hide_share=1.0)
        assert [a for _, a in e.actions] == [0] * len(e.actions)
        assert tokens.lm.decode([t for _, t in e.texts[:-1]]) == " unknown"
        assert e.pointed.start == len(e.pointed.words) + FIXED.index("unknown") and e.pointed.end == -1
        text = tokens.lm.decode(e.ids)
        assert "died on" not in text  # of passage b
        read_first.add(any(gold for _, gold in e.passages))
    assert read_first == {False, True}  # a filter may hide the first gold passage too


def test_gold_of_a_later_hop_that_a_search_brings_in_is_read_and_not_asked_for_again(tokens):
    e, _ = build(tokens, trajectory(near=["a", "b", "c"]))
    assert [h.gold for h in e.hops] == [0] and [a for _, a in e.actions] == [0, 1]
    assert "died on" in tokens.lm.decode(e.ids)
    e, _ = build(tokens, trajectory(near=["a", "b", "c"]), hide_share=1.0)
    assert [h.gold for h in e.hops] == [0, 1] and "died on" not in tokens.lm.decode(e.ids)


def test_an_example_that_follows_a_walk_reads_what_it_found_and_is_labelled_by_it(tokens):
    walk = [Search(["c"], []), Search(["b"], ["lugano"]), Search(["a"], [])]
    e, _ = build(tokens, trajectory(walked=walk))
    assert [h.gold for h in e.hops] == [0, 0, 0]  # b, of the second hop, came first
    assert e.hops[2].other == {1, 2} and e.hops[0].other == {1}
    assert [a for _, a in e.actions] == [0, 0, 0, 1] and [gold for _, gold in e.passages] == [False, True, True]
    assert tokens.lm.decode([t for _, t in e.texts[:-1]]) == " 14 January 1987"
    text = tokens.lm.decode([i for i in e.ids if i < tokens.think[0]])
    assert text.index("city in") < text.index("died on") < text.index("1948")


def test_a_walk_that_went_on_is_told_twice_that_all_is_read(tokens):
    e, s = build(tokens, trajectory(walked=[Search(["a", "b"], []), Search(["c"], [])]))
    assert [h.gold for h in e.hops] == [0] and [a for _, a in e.actions] == [0, 1, 1]
    for at, _ in e.actions:
        assert e.ids[at] == tokens.think[-1]
    assert e.ids[e.actions[1][0] + 1 :][: s.query] == tokens.query


@pytest.mark.parametrize(("found", "answer"), [(["a", "c"], " unknown"), (["c", "b"], " 14 January 1987")])
def test_a_walk_that_misses_gold_ends_in_a_search_and_answers_what_stands_in_what_it_read(tokens, found, answer):
    e, _ = build(tokens, trajectory(walked=[Search(found, [])]))
    assert [a for _, a in e.actions] == [0, 0]
    assert tokens.lm.decode([t for _, t in e.texts[:-1]]) == answer
    e, _ = build(tokens, trajectory(walked=[Search(["c"], [])]), answer_share=0.0)
    assert [a for _, a in e.actions] == [0, 0] and not e.texts and e.pointed is None


def test_a_walk_answers_nothing_that_was_cut_away_or_stands_in_a_passage_that_is_not_gold(tokens):
    e, _ = build(tokens, trajectory(walked=[Search(["a", "b"], [])], answer="Zurich"))
    assert [a for _, a in e.actions] == [0, 1] and not e.texts
    e, _ = build(tokens, trajectory(walked=[Search(["c"], [])], answer="Switzerland"))
    assert [a for _, a in e.actions] == [0, 0] and not e.texts
    e, _ = build(tokens, trajectory(walked=[Search(["a", "b"], [])], answer="yes", kind="comparison"))
    assert e.texts and e.pointed.start == len(e.pointed.words) + FIXED.index("yes")


def test_the_twin_follows_a_walk_as_far_as_there_is_something_to_write(tokens):
    e, _ = build(tokens, trajectory(walked=[Search(["a", "b"], []), Search(["c"], [])]), explicit=True)
    assert [a for _, a in e.actions] == [0, 1] and tokens.lm.decode(e.ids).count("Doc:") == 2


def test_the_pointer_is_given_the_words_of_the_answer(tokens):
    e, _ = build(tokens, trajectory())
    p = e.pointed
    text = tokens.lm.decode([e.ids[p.words[i]] for i in range(p.start, p.end + 1)])
    assert "January" in text and p.end - p.start == 2
    assert p.end in p.allowed and p.start in p.allowed


def test_yes_is_a_slot_and_an_answer_that_stands_nowhere_is_none():
    r = Read(" a film", [1, 2], [3, 4], [0, 1], [(1, 2), (3, 7)], [0, 1], [(1, 2), (3, 7)])
    assert point(9, [Seen(2, r)], "yes").start == 2
    assert point(9, [Seen(2, r)], "Lugano") is None
    found = point(9, [Seen(2, r), Seen(5, r)], "film")
    assert (found.start, found.end, found.words) == (3, 3, [2, 3, 5, 6])
    assert point(9, [Seen(2, r), Seen(5, r, True), Seen(8, r)], "film").start == 3  # gold before what was read later


def test_the_twin_writes_what_the_latents_carry(tokens):
    e, _ = build(tokens, trajectory(), explicit=True)
    text = tokens.lm.decode(e.ids)
    assert "Thought: First I need to know: who?\nSearch: Who directed Sleep, My Love?\nDoc:" in text
    assert not e.hops and e.pointed is None
    assert all(e.ids[p + 1] == t for p, t in e.written) and sum(t == NEWLINE for _, t in e.written) == 4
    assert [a for _, a in e.actions] == [0, 0, 1]


def test_focus_labels_are_whole_words():
    text = " Norah Jones, not Joneses"
    offsets = [(1, 6), (7, 12), (12, 13), (14, 17), (18, 25)]
    assert focus_labels(text, offsets, ["Norah Jones"]).tolist() == [1, 1, 0, 0, 0]
    assert focus_labels(text, offsets, ["x"]).sum() == 0
    assert isinstance(focus_labels(text, offsets, []), np.ndarray)


@pytest.mark.parametrize("explicit", [False, True])
def test_no_example_outgrows_the_positions(tokens, explicit):
    long = {f"d{i}": {"pid": f"d{i}", "title": "", "text": f"It is {i}. " + "A word of it. " * 30} for i in range(60)}
    ids = list(long)
    hops = [Hop(f"d{i}", "a thought " * 40, "a question " * 40, [], "words", ids[10 * i + 4 : 10 * i + 14]) for i in range(4)]
    s = Settings(miss_share=0.95, passage_tokens=96, hide_share=0.5, explicit=explicit)
    build = Builder(tokens, s, long, {p: i for i, p in enumerate(ids)})
    lengths = [len(build(trajectory(hops=hops, near=ids[50:]), random.Random(n)).ids) for n in range(40)]
    assert s.max_positions // 2 < max(lengths) <= s.max_positions
    walk = [Search(ids[6 * i : 6 * i + 6], []) for i in range(1, 10)]
    assert s.max_positions // 2 < len(build(trajectory(hops=hops, walked=walk), random.Random(0)).ids) <= s.max_positions
