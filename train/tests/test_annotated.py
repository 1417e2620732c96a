from train import layouts
from train.annotated import ask, build, single_hops
from train.examples import focus_labels
from train.text import plain_title

PASSAGES = {
    "m-1": {"pid": "m-1", "title": "Chasing Pirates", "text": "Chasing Pirates is a song by Norah Jones."},
    "m-2": {"pid": "m-2", "title": "Turn Me On (song)", "text": "Turn Me On was written by John D. Loudermilk."},
    "w-1": {"pid": "w-1", "title": "Sleep, My Love", "text": "Sleep, My Love is a film by Douglas Sirk."},
    "w-2": {"pid": "w-2", "title": "Douglas Sirk", "text": "Douglas Sirk died on 14 January 1987."},
    "h-1": {"pid": "h-1", "title": "Wallace and Gromit", "text": "Wallace and Gromit was made by Nick Park."},
    "h-2": {"pid": "h-2", "title": "Nick Park", "text": "Nick Park made Creature Comforts."},
}


def one(question):
    return build([question], PASSAGES, lambda q, pids: [1.0 - i for i, _ in enumerate(pids)])


def test_musique_fills_in_the_answers_of_earlier_hops():
    (t,) = one(
        {
            "id": "a",
            "dataset": "musique",
            "question": "Who wrote Turn Me On by the performer of Chasing Pirates?",
            "answers": ["John D. Loudermilk"],
            "gold_pids": ["m-1", "m-2"],
            "hops": [
                {"subq": "Chasing Pirates >> performer", "answer": "Norah Jones", "pid": "m-1"},
                {"subq": "who wrote turn me on by #1", "answer": "John D. Loudermilk", "pid": "m-2"},
            ],
        }
    )
    assert t.hops[0].subquery == "Who is the performer of Chasing Pirates?"
    assert t.hops[1].subquery == "who wrote turn me on by Norah Jones"
    assert t.hops[1].bridges == ["Norah Jones", "Turn Me On"]
    assert t.hops[1].thought.startswith("The passage says Norah Jones.")
    assert t.complete and t.answer == "John D. Loudermilk"
    singles = single_hops([t], 0, 10)
    assert {(x.question, x.answer, len(x.hops)) for x in singles} == {
        ("Who is the performer of Chasing Pirates?", "Norah Jones", 1),
        ("who wrote turn me on by Norah Jones", "John D. Loudermilk", 1),
    }


def test_2wiki_turns_triples_into_questions():
    (t,) = one(
        {
            "id": "b",
            "dataset": "2wiki",
            "question": "When did the director of Sleep, My Love die?",
            "answers": ["14 January 1987"],
            "gold_pids": ["w-2", "w-1"],
            "evidences": [["Sleep, My Love", "director", "Douglas Sirk"], ["Douglas Sirk", "date of death", "14 January 1987"]],
        }
    )
    assert [h.pid for h in t.hops] == ["w-1", "w-2"]
    assert [h.subquery for h in t.hops] == ["Who is the director of Sleep, My Love?", "When did Douglas Sirk die?"]


def test_2wiki_without_a_triple_for_each_gold_passage_is_left_out():
    q = {"id": "c", "dataset": "2wiki", "question": "?", "answers": ["x"], "gold_pids": ["w-1", "w-2"]}
    assert one({**q, "evidences": [["Sleep, My Love", "director", "Douglas Sirk"]]}) == []


def test_hotpotqa_uses_the_human_decomposition_where_it_fits():
    q = {"id": "d", "dataset": "hotpotqa", "question": "What did its maker make?", "answers": ["Creature Comforts"]}
    (t,) = one({**q, "gold_pids": ["h-1", "h-2"], "decomposition_qdmr": ["return the maker of Wallace", "return comedy that #1 made"]})
    assert [h.subquery for h in t.hops] == ["the maker of Wallace", "comedy that Nick Park made"]
    (t,) = one({**q, "gold_pids": ["h-1", "h-2"]})
    assert t.hops[1].subquery == "Nick Park: What did its maker make?"


def test_a_question_whose_gold_passage_is_not_in_the_pool_is_left_out():
    assert one({"id": "e", "dataset": "hotpotqa", "question": "?", "answers": ["x"], "gold_pids": ["h-1", "h-9"]}) == []


def test_focus_labels_mark_every_piece_of_a_name_and_nothing_else():
    text = "a song by norah jones, not by Norah Joneson"
    offsets = [(0, 1), (2, 6), (7, 9), (10, 15), (16, 21), (21, 22), (23, 26), (30, 35), (36, 43)]
    assert focus_labels(text, offsets, ["Norah Jones"]).tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert focus_labels(text, offsets, ["a"]).sum() == 0  # too short to be a name


def test_titles_and_relations():
    assert plain_title("Turn Me On (song)") == "Turn Me On"
    assert ask("date of birth", "Ada") == "When was Ada born?"
    assert ask("employer", "Ada") == "What is the employer of Ada?"


def test_layouts_are_weaviates():
    p = {"pid": "x", "title": "T", "text": "Body."}
    assert layouts.RETRIEVER["weaviate"](p) == "Passage Body. T"
    assert layouts.RETRIEVER["weaviate_names"](p) == "Passage text Body. title T"
    assert layouts.READER["plain"](p) == "T. Body."
    assert layouts.READER["reversed"](p) == "Body. T"
    assert layouts.join(["A", "", "b\n c"]) == "A. b c"


def test_a_layout_is_fixed_by_the_id_and_all_are_used():
    ids = [f"p{i}" for i in range(2000)]
    assert [layouts.retriever_layout(i) for i in ids] == [layouts.retriever_layout(i) for i in ids]
    assert {layouts.retriever_layout(i) for i in ids} == set(layouts.RETRIEVER)
    assert {layouts.reader_layout(i) for i in ids} == set(layouts.READER)
