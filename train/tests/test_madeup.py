"""The made-up worlds keep what they promise to training: names to copy, one gold page a hop, variety."""

import random
import re
from collections import Counter

import pytest

from train.madeup import generate
from train.madeup.grammar import GrammarError, expand, load, parse, readings, tidy
from train.madeup.names import make, order
from train.madeup.questions import holds

WORLDS = 200


@pytest.fixture(scope="module")
def worlds():
    return list(generate(7, WORLDS))


def all_questions(worlds):
    return [(w, q) for w in worlds for q in w.questions]


def test_same_seed_same_worlds():
    assert list(generate(3, 5)) == list(generate(3, 8))[:5]
    assert list(generate(3, 2)) != list(generate(4, 2))


def test_pages(worlds):
    lengths = []
    for world in worlds:
        assert 12 <= len(world.pages) <= 64, (world.domain, len(world.pages))
        assert len({p.pid for p in world.pages}) == len(world.pages)
        for page in world.pages:
            assert (
                "{" not in re.sub(r'\{"', "", page.text) and "<" not in page.text and "[" not in re.sub(r"\[[\d\- :]+\]", "", page.text)
            ), page
            lengths.append(len(page.text.split()))
    assert 25 <= sum(len(w.pages) for w in worlds) / WORLDS <= 50
    assert sum(1 for w in worlds for p in w.pages if not p.title) / len(lengths) > 0.85
    assert max(lengths) > 100 and sorted(lengths)[len(lengths) // 20] >= 10


def test_questions_stand_on_their_pages(worlds):
    for world, q in all_questions(worlds):
        pages = {p.pid: p.text for p in world.pages}
        assert not re.search(r"[{}\[\]<>]", q.question), q
        assert 1 <= len(q.hops) <= 4
        gold = [h.pid for h in q.hops]
        assert len(set(gold)) == len(gold), q
        read = []
        for i, hop in enumerate(q.hops):
            assert not re.search(r"[{}\[\]<>]", hop.subquery), hop
            for bridge in hop.bridges:
                assert any(bridge in text for text in read), (q, bridge)
                assert not holds(q.question.lower(), bridge), (q, bridge)
                assert holds(hop.subquery.lower(), bridge), (hop, bridge)
            if q.kind == "none" and i == len(q.hops) - 1:
                assert hop.pid == "" and hop.answer == ""
            else:
                assert hop.answer in pages[hop.pid], (q, hop)
                read.append(pages[hop.pid])
        assert not q.hops[0].bridges
        if q.kind in ("single", "bridge"):
            assert q.answer_pid == q.hops[-1].pid and q.answer in pages[q.answer_pid]
            assert len(q.hops) == 1 if q.kind == "single" else len(q.hops) > 1
            assert all(h.bridges for h in q.hops[1:])
        elif q.kind == "none":
            assert q.answer == "unknown" and q.answer_pid == ""
        elif q.answer not in ("yes", "no"):
            assert q.answer in pages[q.answer_pid] and q.answer_pid in gold


def test_gold_page_is_the_one_with_name_and_answer(worlds):
    """Of the pages that name the entity of a hop, few hold the answer too."""
    alone = total = 0
    for world, q in all_questions(worlds):
        for hop in q.hops:
            if not hop.pid or not hop.bridges:
                continue
            total += 1
            both = [p.pid for p in world.pages if hop.bridges[0] in p.text and hop.answer in p.text]
            assert hop.pid in both
            alone += len(both) == 1
    assert alone / total > 0.85


def test_variety(worlds):
    pairs = all_questions(worlds)
    texts = {q.question.lower() for _, q in pairs}
    assert len(texts) > 3000
    kinds = Counter(q.kind for _, q in pairs)
    for kind, low, high in (("single", 0.1, 0.35), ("bridge", 0.35, 0.75), ("comparison", 0.05, 0.25), ("none", 0.07, 0.2)):
        assert low < kinds[kind] / len(pairs) < high, kinds
    hops = Counter(len(q.hops) for _, q in pairs if q.kind == "bridge")
    assert min(hops[n] for n in (2, 3, 4)) > 150, hops
    assert len({fmt for w in worlds for fmt in w.formats.values()}) >= 12
    answers = Counter(q.answer for _, q in pairs if q.answer in ("yes", "no"))
    assert 0.25 < answers["yes"] / sum(answers.values()) < 0.75, answers


def skeleton(world, question):
    """The question with every name replaced by its type and every number by one."""
    text = question
    for name in sorted(world.names, key=len, reverse=True):
        text = re.sub(r"(?<!\w)" + re.escape(name) + r"(?!\w)", f"<{world.names[name]}>", text, flags=re.IGNORECASE)
    return re.sub(r"\d+", "0", text)


def test_skeletons(worlds):
    made = [skeleton(w, q.question) for w, q in all_questions(worlds)]
    assert len(set(made)) > 0.85 * len(made)
    starts = Counter(" ".join(m.split()[:2]).lower() for m in made)
    assert len(starts) > 250 and starts.most_common(1)[0][1] < 0.12 * len(made)


def test_domains_are_rich():
    domains, _ = load()
    assert len(domains) == len({d.name for d in domains}) >= 40
    for domain in domains:
        assert sum(1 for kind in domain.kinds for f in kind.fields if f.target) >= 2, domain.name
        for kind in domain.kinds:
            for entry in kind.fields:
                where = (domain.name, kind.name, entry.name)
                assert sum(map(readings, entry.says)) >= 6, where
                assert sum(map(readings, entry.phrases)) + sum(map(readings, entry.asks)) >= 6, where
                assert not entry.inverse or sum(map(readings, entry.inverse)) >= 2, where
                for line in entry.says + domain.fillers + domain.openers + kind.intros:
                    make(line, random.Random(1))


@pytest.mark.parametrize(
    "text",
    [
        "* f = <d3>",
        "@ a\n= x",
        "@ a\n== t x <d3>",
        "@ a\n== t 4 <d3>\n= thing\n^ {x} is.\n* f -> nowhere\n. {x} {v}\n: the {x}\n? {x}?\n# f",
        "@ a\n== t 4 <d3>\n= thing\n^ {x} is.\n* f = <d3>\n. {x} [v}",
        "@ a\n== t 4 <d3>\n= thing\n^ {x} is.\n* f = <d3>\n. no value\n: the {x}\n? {x}?\n# f",
        "@ a\n== t 4 <d3>\n= thing\n+ unheard",
        "@ a\n== t 4 <d3>\n% what",
    ],
)
def test_broken_grammars_are_refused(text):
    with pytest.raises(GrammarError):
        parse(text, {}, "broken.txt")


def test_expand_and_tidy():
    assert {expand("a [b|c [d|e]|]", random.Random(i)) for i in range(60)} == {"a b", "a c d", "a c e", "a "}
    assert readings("a [b|c [d|e]|]") == 4
    assert tidy("a~ apple , A~ big a~ hour  x .") == "an apple, A big an hour x."


@pytest.mark.parametrize(
    "low, high",
    [
        ("3 May 2001", "1 June 2001"),
        ("2019-02-01", "2019-11-30"),
        ("09:30", "14:05"),
        ("€1,200", "€9,990"),
        ("7.5 kg", "12.0 kg"),
        ("3 May", "1 June"),
    ],
)
def test_order(low, high):
    assert order(low) < order(high)


def test_order_of_words():
    assert order("teal") is None
