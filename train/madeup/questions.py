"""Questions over the facts of a world: walks from fact to fact, put into words as nested phrases."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from .facts import Entity, Fact
from .grammar import expand, tidy
from .names import cap, order
from .pages import fill, possessive
from .world import Hop, Question

# Ways to ask for the thing that a noun phrase names.
WHO = ["Who is {p}?", "Who is {p}?", "Who's {p}?", "Which person is {p}?", "What is the name of {p}?"]
WHAT = ["What is {p}?", "What is {p}?", "What is {p} called?", "Which {n} is {p}?", "Which {n} is meant by {p}?", "What's the name of {p}?"]
VALUE = [
    "What is {p}?",
    "What is {p}?",
    "What's {p}?",
    "What was given as {p}?",
    "What do the [pages|notes|records|papers|sheets] give as {p}?",
]
ANY = [
    "[Name|State|Give|Find|Identify|Look up|Tell me|Report] {p}.",
    "[Give me|Show me|Get me|I need|I want|We need|I'm after|I am looking for|Looking for] {p}.",
    "{P}?",
    "{P}, please.",
    "[Do you know|Can you find|Can you name|Could you tell me|Can somebody give me|Do we know|Any idea about|Have we got] {p}?",
    "[I'd like|I would like|We would like|They asked us] to know {p}.",
    "[Wanted|Needed|To find|Question|Lookup|Search]: {p}",
    "[My question is about|The question is|What I'm missing is|The form asks for|Fill in] {p}.",
    "Please [name|find|look up|give] {p}.",
]
PLAIN = ["[Name|Find|Look up|Identify] {p}.", "{P}?"]
BEFORE_ASK = [""] * 22 + [
    "Quick question: ",
    "Can somebody tell me: ",
    "Hi, ",
    "Hello, ",
    "One more thing – ",
    "For the report: ",
    "Question: ",
    "Help me out: ",
    "A colleague asks: ",
]
AFTER_ASK = [""] * 20 + [" Thanks.", " Please answer briefly.", " One word is enough.", " I can't find it.", " The page doesn't say."]
TAKE = [
    "Take {p}. {q}",
    "Think of {p}. {q}",
    "There is {p}. {q}",
    "About {p}: {q}",
    "Regarding {p}: {q}",
    "Find {p}. {q}",
    "It is about {p}. {q}",
    "I mean {p}. {q}",
    "First find {p}; then say: {q}",
]
TRIES = 25  # draws before a kind of question is given up
PLAIN_VERB = re.compile(r"^(the [\w\- ]+?) (?:that|who|which) (?!\{|the |a |an |we |people |everybody |its |they |our )(.+)$")


@dataclass(frozen=True)
class Step:
    """One hop: along a fact from its entity to its value, or back."""

    fact: Fact
    forward: bool

    @property
    def answer(self) -> str:
        return self.fact.value if self.forward else self.fact.subject.name

    @property
    def given(self) -> str:
        """What the step starts from, as a sentence says it."""
        return self.fact.subject.shown if self.forward else self.fact.shown

    @property
    def start(self) -> str:
        return self.fact.subject.name if self.forward else self.fact.value

    @property
    def reached(self) -> Entity | None:
        return self.fact.target if self.forward else self.fact.subject


class Asker:
    """Makes the questions of one world."""

    def __init__(self, facts: list[Fact], rng: random.Random):
        self.rng = rng
        self.readable = [f for f in facts if f.pid]
        self.hidden = [f for f in facts if not f.pid]
        self.of: dict[Entity, list[Fact]] = {}
        self.to: dict[Entity, list[Fact]] = {}
        for fact in facts:
            self.of.setdefault(fact.subject, []).append(fact)
            if fact.target:
                self.to.setdefault(fact.target, []).append(fact)

    # Walks

    def steps_from(self, entity: Entity) -> list[Step]:
        back = [Step(f, False) for f in self.to.get(entity, []) if f.only and f.field.inverse]
        return [Step(f, True) for f in self.of.get(entity, [])] + back * 2

    def start(self) -> Step:
        fact = self.rng.choice(self.readable)
        if fact.only and fact.field.inverse and self.rng.random() < 0.5:
            return Step(fact, False)
        return Step(fact, True)

    def walk(self, hops: int, hidden_end: bool = False) -> list[Step] | None:
        """A chain of `hops` steps over pages of their own; with `hidden_end` the last one's page is not there."""
        if hops == 1 and hidden_end:
            if not self.hidden:
                return None
            fact = self.rng.choice(self.hidden)
            return [Step(fact, not (fact.only and fact.field.inverse and self.rng.random() < 0.4))]
        steps = [self.start()]
        while len(steps) < hops:
            here, last = steps[-1].reached, len(steps) == hops - 1
            if here is None:
                return None
            pids = {s.fact.pid for s in steps}
            seen = {e for s in steps for e in (s.fact.subject, s.fact.target) if e} - {here}
            options = [
                s
                for s in self.steps_from(here)
                if (not s.fact.pid if last and hidden_end else s.fact.pid and s.fact.pid not in pids)
                and s.reached not in seen
                and (s.reached is not None or last)
            ]
            if not options:
                return None
            steps.append(self.rng.choice(options))
        return steps

    # Words

    def put(self, template: str, name: str, **more: str) -> str:
        """A phrase inside a sentence: filled, without a capital of its own."""
        text = template.replace("{x's}", possessive(name)).replace("{x}", name)
        for key, value in more.items():
            text = text.replace("{" + key + "}", value)
        return tidy(text)

    def template(self, options: list[str], given: str) -> str:
        """One of `options`. A long phrase takes no possessive, and mostly stands at the end, where that can be helped."""
        words = len(given.split())
        made = expand(self.rng.choice(options), self.rng)
        if words <= 3:
            return made
        at_end = words > 5 and self.rng.random() < 0.75
        for _ in range(6):
            if "{x's}" not in made and (not at_end or made.rstrip("?").endswith("{x}")):
                break
            made = expand(self.rng.choice(options), self.rng)
        return made

    def phrase(self, step: Step, given: str) -> str:
        """Noun phrase for the step's answer."""
        if step.forward:
            return self.put(self.template(step.fact.field.phrases, given), given)
        return self.put(self.backward(step), "", v=given)

    def backward(self, step: Step) -> str:
        text = self.template(step.fact.field.inverse, "")
        return text.replace("{n}", self.rng.choice(step.fact.subject.kind.nouns))

    def ask(self, step: Step, given: str, name: str, plain: bool = False) -> str:
        """A full question or request for the step's answer, by itself. `name` is what in `given` must stay as it is; `plain`
        leaves out the ways of asking that only people have: a subquery is also the text a retriever is asked with."""
        rng, entry = self.rng, step.fact.field
        if step.forward and rng.random() < 0.5:
            return fill(self.template(entry.asks, given), given)
        template = self.template(entry.phrases, given) if step.forward else self.backward(step)
        target = step.reached
        if (verb := PLAIN_VERB.match(template)) and rng.random() < 0.45:
            head = (
                "Who"
                if target and target.kind.person and rng.random() < 0.6
                else f"{rng.choice(['Which', 'Which', 'What'])} {verb.group(1)[4:]}"
            )
            return fill(f"{head} {verb.group(2)}?", given, v=given)
        return self.wrap(self.put(template, given, v=given), target, name, plain)

    def wrap(self, phrase: str, target: Entity | None, name: str, plain: bool) -> str:
        rng = self.rng
        if not plain and rng.random() < 0.09:
            return self.terse(phrase, name)
        direct = VALUE if target is None else WHO if target.kind.person else WHAT
        pool = direct if re.match(r"(the|a|an) |\S+'s? ", phrase) and rng.random() < 0.5 else PLAIN if plain else ANY
        if plain and pool is not PLAIN:
            pool = pool[:2]
        noun = rng.choice(target.kind.nouns) if target else ""
        text = expand(rng.choice(pool), rng)
        return self.put(
            text,
            "",
            p=phrase,
            P=cap(phrase) if phrase[:4] in ("the ", "who", "what", "whi") or phrase.startswith("whoever") else phrase,
            n=noun,
        )

    def terse(self, phrase: str, name: str) -> str:
        """Key words, as typed into a search box."""
        text = re.sub(r"\b(?:the|a|an|whoever|whichever) ", "", phrase.replace(name, "\0"))
        if self.rng.random() < 0.5:
            text = re.sub(r" (?:that|which|who) ", " ", text)
        return text.replace("\0", name)

    def question(self, steps: list[Step]) -> str:
        """The whole chain as one question."""
        rng, given = self.rng, steps[0].given
        for step in steps[:-1]:
            given = self.phrase(step, given)
        last = steps[-1]
        if len(steps) > 1 and last.forward and rng.random() < 0.13:
            here = last.fact.subject
            it = rng.choice(
                [f"that {rng.choice(here.kind.nouns)}", f"this {rng.choice(here.kind.nouns)}", "that person" if here.kind.person else "it"]
            )
            ask = fill(self.template(last.fact.field.asks, it), it).replace("it's ", "its ")
            text = self.put(expand(rng.choice(TAKE), rng), "", p=given, q=ask)
        else:
            text = self.ask(last, given, steps[0].start)
            if text.endswith("?"):
                before = rng.choice(BEFORE_ASK)
                if before.endswith((", ", "– ")) or (before and rng.random() < 0.5):
                    text = re.sub(r"^(Wh|H|On|In|At|Do|Is|To|Can|Could|Have|Any|Since|Under)(?=\w* )", lambda m: m.group().lower(), text)
                text = before + text + rng.choice(AFTER_ASK)
        roll = rng.random()
        if roll < 0.04:
            text = text.lower()
        elif roll < 0.08:
            text = text.rstrip("?.")
        return text

    # Questions of each kind

    def hop(self, step: Step, bridges: list[str]) -> Hop:
        return Hop(self.ask(step, step.given, step.start, plain=True), step.fact.pid, step.answer if step.fact.pid else "", bridges)

    def chain(self, hops: int, hidden_end: bool = False) -> Question | None:
        steps = self.walk(hops, hidden_end)
        if steps is None:
            return None
        text = self.question(steps)
        low = text.lower()
        if any(holds(low, s.answer) for s in steps) or not holds(low, steps[0].start):
            return None
        made = [self.hop(s, [steps[i - 1].answer] if i else []) for i, s in enumerate(steps)]
        if any(holds(h.subquery.lower(), s.answer) for h, s in zip(made, steps, strict=False)):
            return None
        if hidden_end:
            return Question("", text, "unknown", "", made, "none")
        return Question("", text, steps[-1].answer, steps[-1].fact.pid, made, "single" if hops == 1 else "bridge")

    def side(self, fact: Fact, reached: bool) -> tuple[list[Step], str] | None:
        """How a comparison gets to `fact`'s entity: by its name, or over one step from something else."""
        if not reached:
            return [], fact.subject.shown
        here = fact.subject
        options = [Step(f, True) for f in self.to.get(here, []) if f.pid and f.pid != fact.pid]
        options += [Step(f, False) for f in self.of.get(here, []) if f.pid and f.pid != fact.pid and f.only and f.field.inverse]
        if not options:
            return None
        step = self.rng.choice(options)
        return [step], self.phrase(step, step.given)

    def comparison(self) -> Question | None:
        rng = self.rng
        entry = rng.choice(self.readable)
        peers = [f for f in self.readable if f.field is entry.field and f.subject.kind is entry.subject.kind and f is not entry]
        templates = {w: t for w, t in (("larger", entry.field.larger), ("smaller", entry.field.smaller), ("same", entry.field.same)) if t}
        if not peers or not templates:
            return None
        which = rng.choice(list(templates))
        if which == "same":
            alike = [f for f in peers if f.value.lower() == entry.value.lower()]
            if not alike and rng.random() < 0.7:
                return None
            if alike and rng.random() < 0.42:
                peers = alike
        a, b = entry, rng.choice(peers)
        if a.pid == b.pid:
            return None
        reached = rng.choice([(False, False)] * 5 + [(True, False), (False, True)] * 2 + [(True, True)])
        sides = [self.side(a, reached[0]), self.side(b, reached[1])]
        if None in sides:
            return None
        (way_a, name_a), (way_b, name_b) = sides
        text = cap(self.put(expand(rng.choice(templates[which]), rng), "", a=name_a, b=name_b))
        if which == "same":
            answer, pid = ("yes" if a.value.lower() == b.value.lower() else "no"), ""
        else:
            va, vb = order(a.value), order(b.value)
            if va is None or vb is None or va == vb:
                return None
            winner = a if (va > vb) == (which == "larger") else b
            answer, pid = winner.subject.name, winner.pid
        low, hops = text.lower(), []
        for fact, way in ((a, way_a), (b, way_b)):
            if way and holds(low, fact.subject.name):
                return None
            hops += [self.hop(s, []) for s in way] + [self.hop(Step(fact, True), [fact.subject.name] if way else [])]
        if len({h.pid for h in hops}) < len(hops):
            return None
        return Question("", text, answer, pid, hops, "comparison")

    def make(self) -> Question | None:
        """One question of a kind drawn at random; None where the world has none like it."""
        roll, rng = self.rng.random(), self.rng
        if roll < 0.17:

            def draw():
                return self.chain(1)
        elif roll < 0.72:
            hops = rng.choices([2, 3, 4], [50, 32, 18])[0]

            def draw():
                return self.chain(hops)
        elif roll < 0.87:
            draw = self.comparison
        else:
            hops = rng.choice([1, 2, 2, 3])

            def draw():
                return self.chain(hops, hidden_end=True)

        return next((q for q in (draw() for _ in range(TRIES)) if q), None)


def holds(low: str, name: str) -> bool:
    """Whether the lower-case text has `name` as words of its own."""
    return re.search(r"(?<!\w)" + re.escape(name.lower()) + r"(?!\w)", low) is not None
