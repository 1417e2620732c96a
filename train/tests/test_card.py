import pytest

from train.card import fill

MANIFEST = {
    "name": "n", "version": "1", "precision": "int8", "backbone": {"name": "B"}, "retriever": {"name": "R"},
    "sources": [{"name": "B", "package": "p", "version": "2", "license": "Apache-2.0"}],
    "training": {"tokens": 1234567, "figures": {"dev": {"found": 0.8}, "n": 3}},
}  # fmt: skip


def test_a_card_is_filled_from_the_manifest():
    text = fill("$name $version $precision $backbone $retriever $tokens\n$sources\n$figures", MANIFEST)
    assert text == "n 1 int8 B R 1,234,567\n| B | `p` 2 | Apache-2.0 |\n| dev · found | 0.8 |\n| n | 3 |"


def test_a_hole_in_a_card_is_an_error():
    with pytest.raises(KeyError):
        fill("$nothing", MANIFEST)
