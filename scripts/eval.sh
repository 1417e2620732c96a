#!/usr/bin/env bash
# Runs `latentask eval` for every table of docs/results.md; reports, pages and traces go into .latentask/eval/reports.
# A run that has its report is left alone, one that was broken off goes on. Delete a report to have it made again.
#   LIMIT=100 scripts/eval.sh            the first 100 questions a set
#   PASSAGES=10000 scripts/eval.sh       corpora cut to so many passages (scripts/cut_corpus.py): less to embed, easier to search
#   MODES=latent,single,hybrid scripts/eval.sh   fewer ways of asking
#   scripts/eval.sh musique musique-vector   these runs alone

source "$(dirname "$0")/common.sh"

REPORTS=${REPORTS:-.latentask/eval/reports} # from the project's root
LIMIT=${LIMIT:-0}
PASSAGES=${PASSAGES:-0}
DECODE=${DECODE---decode} # DECODE= leaves the subqueries in words out, which take as long as the rest
MODES=${MODES:-latent,explicit,iter,single,hybrid,direct}
wanted=("$@")
cd "$ROOT" # a report names its files from here

# run NAME CORPUS QUESTIONS FLAG…
run() {
    local name=$1 corpus=$2 questions=$3
    shift 3
    [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
    if [ -e "$REPORTS/$name.json" ]; then
        say "$name has its report"
        return
    fi
    say "$name"
    "$LOCAL/bin/latentask" eval --corpus "$corpus" --questions "$questions" --limit "$LIMIT" \
        --out "$REPORTS/$name.json" --trace "$REPORTS/$name.jsonl" --resume "$@" ||
        { rm -f "$REPORTS/$name.json"; die "$name was broken off" "Run this again: it goes on from its trace."; }
}

for set in hotpotqa 2wiki musique; do
    files=("data/corpus/$set.jsonl.gz" "data/dev/$set.jsonl.gz")
    if [ "$PASSAGES" != 0 ]; then
        cut=.latentask/eval/cut/$set-$PASSAGES.jsonl.gz
        mkdir -p "${cut%/*}"
        [ -e "$cut" ] || python3 scripts/cut_corpus.py "${files[@]}" "$PASSAGES" "$cut"
        files[0]=$cut
    fi
    run "$set" "${files[@]}" --modes "$MODES" $DECODE
    run "$set-vector" "${files[@]}" --modes latent,explicit,single --search vector
    run "$set-hidden" "${files[@]}" --modes latent --hide-gold
done
run pages data/pages/corpus.jsonl.gz data/pages/questions.jsonl.gz --modes "$MODES" $DECODE
for set in nq triviaqa popqa bamboogle; do
    run "$set" data/corpus/wiki18.jsonl.gz "data/dev/$set.jsonl.gz" --modes latent,single,hybrid
done
