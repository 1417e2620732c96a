"""Pages from sheets, in the layouts that organisations write: prose, cards, tables, logs, questions and answers."""

from __future__ import annotations

import json
import random
import re

from .facts import Entity, Fact, Sheet
from .grammar import Domain, expand, tidy
from .names import cap, make

FORMATS = (
    ["prose"] * 6 + ["late"] * 5 + ["card"] * 2 + ["inline", "list", "config", "row", "record", "faq", "log", "memo", "message", "clauses"]
)

NAMING = [
    "[It|This one] [is called|goes by the name|is known as|is listed as|is filed under] {x}.",
    "The name [here|on file|in the list|in use] is {x}.",
    "[We|People here|Colleagues|The regulars] [call it|know it as|refer to it as] {x}.",
    "{x} is the [{n}|entry] [meant|described] here.",
    "[For the record|To be exact|In short], the {n} [meant|in question] is {x}.",
    "[Entry|Sheet|Page|Note] for {x}.",
]
NAMING_PERSON = [
    "[The|Full] name [on the badge|on file|in the list|] is {x}.",
    "The {n} [meant|described|in question] [here |]is {x}.",
    "[Ask for|The person to ask for is|You want|Look for] {x}.",
    "[For the record|In short], this is about {x}.",
    "{x} is the {n} [meant|described|we mean] here.",
    "[Entry|Note|Sheet] for {x}.",
]
NOT_THIS = [
    "Not to be [confused with|mistaken for] {o}.",
    "{o} is [a different|another] {n} and has [a page|an entry|a sheet] of its own.",
    "[For|About] {o} see [elsewhere|the other page|its own entry].",
    "[This replaces the old page|The old page was] [shared with|about] {o}.",
]
NOT_THIS_PERSON = [
    "Not to be [confused with|mistaken for] {o}.",
    "[For|About] {o} see [elsewhere|the other page|the other entry].",
    "{o} has [a page|an entry|a sheet] [of their own|elsewhere].",
    "[The desk next door|The other entry on this shelf|The sheet below] belongs to {o}.",
]
NAME_LABELS = ["name", "what", "entry", "item", "subject", "id", "title", "record"]


def possessive(name: str) -> str:
    return name + ("'" if name.endswith("s") and " " in name and len(name) > 9 else "'s")


def fill(template: str, name: str, **values: str) -> str:
    """`template` with the entity's name and other values put in; a sentence begins with a capital unless the name has none."""
    text = template.replace("{x's}", possessive(name)).replace("{x}", name)
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    text = tidy(text)
    return text if any(value and text.startswith(value) and value[:4] != "the " for value in (name, *values.values())) else cap(text)


class Writer:
    """Writes the pages of one world; pages may mention other entities of the type in passing."""

    def __init__(self, domain: Domain, common: Domain, entities: list[Entity], rng: random.Random):
        self.domain, self.common, self.rng = domain, common, rng
        self.peers = {kind.name: [e for e in entities if e.kind is kind] for kind in domain.kinds}
        self.formats: dict[tuple[str, int], list[str]] = {}
        self.used: set[str] = set()  # fillers on the page being written

    def format(self, sheet: Sheet) -> str:
        """Pages of one kind mostly look alike within a world."""
        key = (sheet.subject.kind.name, sheet.part)
        if key not in self.formats:
            self.formats[key] = self.rng.choices(FORMATS, k=self.rng.choice([1, 2, 3]))
        return self.rng.choice(self.formats[key])

    def write(self, sheets: list[Sheet]) -> tuple[str, str, str]:
        """(format, title, text) of a page."""
        rng, sheet = self.rng, sheets[0]
        self.used.clear()
        if len(sheets) > 1:
            kind, text = self.roster(sheets)
        else:
            kind = self.format(sheet)
            rng.shuffle(sheet.facts)
            text = getattr(self, "_" + kind)(sheet)
        shortest = rng.choice([8, 14, 18, 24])  # words
        while len(text.split()) < shortest:
            text = self.longer(kind, text)
        title = ""
        if rng.random() < 0.06:
            title = sheet.subject.name if len(sheets) == 1 and kind != "late" else cap(rng.choice(sheet.subject.kind.nouns))
        return kind, title, text

    def longer(self, kind: str, text: str) -> str:
        """The page with one sentence more that says nothing of its entity."""
        if kind == "record":
            return json.dumps(
                json.loads(text)
                | {self.rng.choice(["note", "remark", "info", "comment", "text"]) + str(self.rng.choice(["", 2, 3])): self.filler()},
                ensure_ascii=False,
            )
        if kind == "config":
            return f"{text}\n# {self.filler()}"
        if kind in ("card", "list", "log", "row", "table", "roster") and self.rng.random() < 0.6:
            return f"{text}\n{self.filler()}"
        if kind in ("inline", "memo", "clauses", "table", "roster") or self.rng.random() < 0.6:
            return f"{text}{'' if text.endswith(('.', '!', '?')) else '.'} {self.filler()}"
        return f"{self.filler()} {text}"

    # What pages are made of

    def noun(self, entity: Entity) -> str:
        return self.rng.choice(entity.kind.nouns)

    def short(self, entity: Entity, named: bool) -> str:
        """How the entity is called where its name is not said."""
        if entity.kind.person and named and self.rng.random() < 0.6:
            parts = [p for p in entity.name.split() if len(p) > 2 and "." not in p]
            if len(parts) > 1:
                return self.rng.choice([parts[0], parts[-1]])
        return self.rng.choice(["the", "the", "this"]) + " " + self.noun(entity)

    def say(self, fact: Fact, called: str | None = None) -> str:
        """The sentence for a fact, about the entity's name or about `called`."""
        template = make(self.rng.choice(fact.field.says), self.rng)
        if called is None:
            return fill(template, fact.subject.shown, v=fact.shown)
        if called == "it":
            # "It" reads well as a subject only.
            if template.startswith("{x} ") or "{x}" not in template:
                template = template.replace("{x's}", "its").replace("{x}", "it")
            called = self.short(fact.subject, False)
        text = tidy(template.replace("{x's}", possessive(called)).replace("{x}", called).replace("{v}", fact.shown))
        return text if text.startswith(fact.value) else cap(text)

    def filler(self) -> str:
        """A sentence without facts, of a kind that the page does not have yet."""
        pool = self.domain.fillers if self.domain.fillers and self.rng.random() < 0.6 else self.common.fillers
        pool = [line for line in pool if line not in self.used] or self.common.fillers
        line = self.rng.choice(pool)
        self.used.add(line)
        return cap(tidy(make(line, self.rng)))

    def fillers(self) -> list[str]:
        roll = self.rng.random()
        n = (
            0
            if roll < 0.42
            else 1
            if roll < 0.68
            else 2
            if roll < 0.82
            else self.rng.randint(3, 9)
            if roll < 0.97
            else self.rng.randint(14, 26)
        )
        return list(dict.fromkeys(self.filler() for _ in range(n)))

    def opener(self) -> list[str]:
        if self.rng.random() < 0.4:
            pool = self.domain.openers if self.domain.openers and self.rng.random() < 0.75 else self.common.openers
            return [cap(tidy(make(self.rng.choice(pool), self.rng)))]
        return []

    def aside(self, entity: Entity) -> list[str]:
        """Sometimes the name of another of the same type, about which the page says nothing."""
        if self.rng.random() > 0.12:
            return []
        other = self.rng.choice([e for e in self.peers[entity.kind.name] if e is not entity])
        pool = NOT_THIS_PERSON if entity.kind.person else NOT_THIS
        return [fill(expand(self.rng.choice(pool), self.rng), other.shown, o=other.shown, n=self.noun(entity))]

    def naming(self, entity: Entity) -> str:
        pool = NAMING_PERSON if entity.kind.person else NAMING
        return fill(expand(self.rng.choice(pool), self.rng), entity.shown, n=self.noun(entity))

    def intro(self, entity: Entity) -> str:
        return fill(make(self.rng.choice(entity.kind.intros), self.rng), entity.shown)

    def called(self, entity: Entity, named: bool) -> str | None:
        roll = self.rng.random()
        if named and roll < 0.2:
            return None
        if named and roll < 0.55 and not entity.kind.person:
            return "it"
        return self.short(entity, named)

    def label(self, fact: Fact) -> str:
        return self.rng.choice(fact.field.labels)

    # Layouts

    def roster(self, sheets: list[Sheet]) -> tuple[str, str]:
        """Several entities on one page, as a table, as a line each or as sentences."""
        rng = self.rng
        names = list({f.field.name: f.field for s in sheets for f in s.facts}.values())
        roll = rng.random()
        if roll < 0.35:
            gap = rng.choice([" | ", ";", "\t", " – "])
            labels = [rng.choice(NAME_LABELS + sheets[0].subject.kind.nouns * 2)] + [rng.choice(f.labels) for f in names]
            rows = [[s.subject.name] + [next((f.value for f in s.facts if f.field is n), "?") for n in names] for s in sheets]
            return "table", "\n".join(self.opener() + [gap.join(row) for row in [labels, *rows]])
        if roll < 0.6:
            joint = rng.choice([": ", " – ", " -> ", " = "])
            lines = [f"{s.subject.name}{joint}" + ", ".join(f"{self.label(f)} {f.value}" for f in s.facts) for s in sheets]
            return "roster", "\n".join(self.opener() + lines)
        lines = [self.say(f, self.called(s.subject, True) if i else None) for s in sheets for i, f in enumerate(s.facts)]
        return "digest", " ".join(self.opener() + lines + self.fillers()[:1])

    def _prose(self, sheet: Sheet) -> str:
        """The name comes first."""
        rng, entity = self.rng, sheet.subject
        lines = [self.intro(entity)] if rng.random() < 0.6 else []
        for fact in sheet.facts:
            lines.append(self.say(fact, self.called(entity, True) if lines else None))
        return self.weave(lines, sheet, fixed=1)

    def weave(self, lines: list[str], sheet: Sheet, fixed: int) -> str:
        """Puts fillers between `lines`, never before the first `fixed`."""
        for extra in self.fillers() + self.aside(sheet.subject):
            lines.insert(self.rng.randint(min(fixed, len(lines)), len(lines)), extra)
        return " ".join(self.opener() + lines)

    def _late(self, sheet: Sheet) -> str:
        """The name comes once, late: in the last fact or in a sentence of its own."""
        entity = sheet.subject
        lines = [self.say(fact, self.short(entity, False)) for fact in sheet.facts]
        if self.rng.random() < 0.4 and len(lines) > 1:
            lines[-1] = self.say(sheet.facts[-1])
        elif self.rng.random() < 0.5:
            lines.append(self.naming(entity))
        else:
            lines.insert(self.rng.randint(1, len(lines)), self.intro(entity))
        return self.weave(lines, sheet, fixed=0)

    def _pairs(self, sheet: Sheet) -> list[tuple[str, str]]:
        name = self.rng.choice(NAME_LABELS + sheet.subject.kind.nouns * 2)
        pairs = [(self.label(f), f.value) for f in sheet.facts]
        pairs.insert(0 if self.rng.random() < 0.7 else self.rng.randint(0, len(pairs)), (name, sheet.subject.name))
        return pairs

    def _card(self, sheet: Sheet) -> str:
        end, case = self.rng.choice([("\n", cap), (". ", cap), ("\n", str.upper), ("\n", str)])
        body = end.join(f"{case(k)}: {v}" for k, v in self._pairs(sheet))
        return self.weave([body + ("." if end == ". " else "")], sheet, fixed=1).replace("\n ", "\n")

    def _inline(self, sheet: Sheet) -> str:
        gap = self.rng.choice([" · ", " | ", "; ", " / ", ", "])
        joint = self.rng.choice([" ", ": ", " = "])
        return " ".join([gap.join(f"{k}{joint}{v}" for k, v in self._pairs(sheet)), *self.fillers()[:2], *self.aside(sheet.subject)])

    def _list(self, sheet: Sheet) -> str:
        mark = self.rng.choice(["- ", "* ", "• ", "– "])
        head = self.rng.choice(
            [
                sheet.subject.name,
                self.intro(sheet.subject),
                f"{cap(self.noun(sheet.subject))} {sheet.subject.name}:",
                f"## {sheet.subject.name}",
            ]
        )
        items = [
            self.say(f, "it") if not sheet.subject.kind.person and self.rng.random() < 0.5 else f"{self.label(f)}: {f.value}"
            for f in sheet.facts
        ]
        return "\n".join([head] + [mark + i for i in items + self.fillers()[:3] + self.aside(sheet.subject)])

    def _config(self, sheet: Sheet) -> str:
        sign = self.rng.choice([" = ", ": ", "="])
        pairs = [(k.lower().replace(" ", "_").replace("'", ""), v) for k, v in self._pairs(sheet)]
        comment = [f"# {line}" for line in self.opener() + self.fillers()[:2]]
        return "\n".join(comment + [f"{k}{sign}{v}" for k, v in pairs])

    def _row(self, sheet: Sheet) -> str:
        gap = self.rng.choice([";", ",", " | ", "\t"])
        pairs = [(k, v.replace(gap.strip() or gap, "") if len(gap) == 1 and gap in v and gap == "\t" else v) for k, v in self._pairs(sheet)]
        if gap == "," and any("," in v for _, v in pairs):
            gap = ";"
        return gap.join(k for k, _ in pairs) + "\n" + gap.join(v for _, v in pairs) + "".join("\n" + x for x in self.aside(sheet.subject))

    def _record(self, sheet: Sheet) -> str:
        return json.dumps({k.replace(" ", "_"): v for k, v in self._pairs(sheet)}, ensure_ascii=False)

    def _faq(self, sheet: Sheet) -> str:
        rng, lines = self.rng, []
        q, a = rng.choice([("Q: ", "A: "), ("Q. ", "A. "), ("", ""), ("? ", "! "), ("Visitor: ", "Desk: ")])
        for i, fact in enumerate(sheet.facts):
            ask = fill(
                expand(rng.choice(fact.field.asks), rng),
                sheet.subject.shown if i == 0 else "it" if not sheet.subject.kind.person else self.short(sheet.subject, True),
            )
            lines.append(f"{q}{ask.replace(chr(34), '').replace(' its own', '')}".replace("it's ", "its ") + f" {a}{fact.shown}.")
        return self.weave(lines, sheet, fixed=1)

    def _log(self, sheet: Sheet) -> str:
        rng, entity, lines = self.rng, sheet.subject, []
        stamp = rng.choice(["[<isodate> <clock>]", "<isodate>:", "<day> –", "<clock>", "(<isodate>)"])
        named = rng.randrange(len(sheet.facts))
        for i, fact in enumerate(sheet.facts):
            lines.append(f"{make(stamp, rng)} {self.say(fact, None if i == named else self.short(entity, i > named))}")
        for extra in self.fillers()[:3]:
            lines.insert(rng.randint(0, len(lines)), f"{make(stamp, rng)} {extra}")
        return "\n".join(lines + self.aside(entity))

    def _memo(self, sheet: Sheet) -> str:
        """Terse notes to oneself: small letters, semicolons."""
        entity = sheet.subject
        parts = [
            f"{self.label(f)} {f.value}" if self.rng.random() < 0.5 else self.say(f, self.short(entity, True)).rstrip(".")
            for f in sheet.facts
        ]
        parts = [p[:1].lower() + p[1:] if re.match(r"(The|This|It|Its) ", p) else p for p in parts]
        parts.insert(self.rng.choice([0, 0, len(parts)]), entity.name)
        return f"{self.rng.choice(['note: ', 'todo: ', 'memo – ', '', 're: ', 'nb '])}{'; '.join(parts)}"

    def _message(self, sheet: Sheet) -> str:
        rng = self.rng
        head = make(
            expand(
                rng.choice(
                    [
                        "Hi [all|team|both],",
                        "Dear [colleagues|members|all],",
                        "Hello,",
                        "[FYI|Heads up|For info]:",
                        "@channel",
                        "Good [morning|evening] all,",
                    ]
                ),
                rng,
            ),
            rng,
        )
        lines = [self.say(f, self.called(sheet.subject, i > 0) if i else None) for i, f in enumerate(sheet.facts)]
        tail = rng.choice(["Thanks!", "Best regards", "Please pass it on.", "Shout if that is wrong.", "Cheers", "More next week."])
        return self.weave([head, *lines], sheet, fixed=2) + " " + tail

    def _clauses(self, sheet: Sheet) -> str:
        rng, entity = self.rng, sheet.subject
        style, start = rng.choice(["{}.", "({})", "§ {}", "{})", "1.{}"]), rng.randint(1, 9)
        named = rng.randrange(len(sheet.facts))
        lines = [self.say(f, None if i == named else self.short(entity, i > named)) for i, f in enumerate(sheet.facts)] + self.fillers()[:3]
        return " ".join(f"{style.format(start + i)} {line}" for i, line in enumerate(lines)) + "".join(" " + a for a in self.aside(entity))
