"""Prints worlds to read: `python -m train.madeup --seed 1 --worlds 2 [--domain NAME]`."""

import argparse

from . import generate

parser = argparse.ArgumentParser(prog="python -m train.madeup", description=__doc__)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--worlds", type=int, default=1)
parser.add_argument("--domain", default="", help="only worlds of this domain")
parser.add_argument("--questions-only", action="store_true")
args = parser.parse_args()

for world in generate(args.seed, args.worlds):
    if args.domain not in ("", world.domain):
        continue
    print(f"==== {world.id} {world.domain}: {len(world.pages)} pages, {len(world.questions)} questions")
    for page in [] if args.questions_only else world.pages:
        print(f"-- {page.pid} [{world.formats[page.pid]}] {page.title!r}\n{page.text}")
    for q in world.questions:
        print(f"?? [{q.kind}] {q.question}\n   = {q.answer} ({q.answer_pid})")
        for hop in q.hops:
            print(f"   > {hop.subquery} [{hop.pid}] {hop.answer!r} {hop.bridges}")
