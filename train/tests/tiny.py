"""Tokenizers small enough to be made in a test."""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

CORPUS = [
    "Who directed the film in which the actor played? The first film was shot in Paris in 1987.",
    "Norah Jones was born in Brooklyn, New York. She is a singer, songwriter and actress.",
    'Chasing Pirates ("the song") is by Norah Jones. It was released on 13 October 2009.',
    "Answer: yes no unknown Question: Doc: Thought: Search:",
    "The café in São Paulo was opened by Łukasz in 1987. 東京は日本の首都です。",
]


def byte_bpe(size: int = 600, specials: tuple[str, ...] = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")) -> Tokenizer:
    """A byte-level BPE as Llama, Qwen and SmolLM have it; digits stand alone."""
    tok = Tokenizer(models.BPE())
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), split])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(
        CORPUS * 3,
        trainers.BpeTrainer(
            vocab_size=size, special_tokens=list(specials), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        ),
    )
    return tok
