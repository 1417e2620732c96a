#!/usr/bin/env bash
# Runs `latentask eval` for every table of docs/results.md; reports, pages and traces go into .latentask/eval/reports.
# A run that has its report is left alone, one that was broken off goes on. Delete a report to have it made again.
#   LIMIT=100 scripts/eval.sh            the first 100 questions a set
#   PASSAGES=10000 scripts/eval.sh       corpora cut to so many passages (scripts/cut_corpus.py): less to embed, easier to search
#   MODES=latent,single,hybrid scripts/eval.sh   fewer ways of asking
#   scripts/eval.sh musique musique-vector   these runs alone
#   MODES=latent,single,hybrid TWIN=150 scripts/eval.sh   the explicit twin, which takes four times as long, for the first 150 alone
#   BUNDLE=.latentask/bundle-fp32 REPORTS=.latentask/eval/fp32 scripts/eval.sh   another bundle than .latentask/bundle
#   LIMIT=100 scripts/eval.sh musique-hidden musique-shown   gold hidden, of fewer questions than there are, and the same with it there
#   LATENTASK_THREADS=1 DIR=.latentask/eval-b scripts/eval.sh musique   beside another run, which has its folder to itself. On two
#       cores two runs of one thread ask half as many questions again as one of two; milliseconds are then those of a busy machine.

source "$(dirname "$0")/common.sh"

REPORTS=${REPORTS:-.latentask/eval/reports} # from the project's root
LIMIT=${LIMIT:-0}
PASSAGES=${PASSAGES:-0}
DECODE=${DECODE---decode} # DECODE= leaves the subqueries in words out, which take as long as the rest
MODES=${MODES:-latent,explicit,iter,single,hybrid,direct}
TWIN=${TWIN:-0} # so many questions of a set ask the explicit twin in a run of their own; 0: the twin is one of MODES
OPEN_MODES=${OPEN_MODES:-latent,single,hybrid} # for questions of one hop
VECTOR_MODES=${VECTOR_MODES:-latent,explicit,single} # with vector hops alone
BUNDLE=${BUNDLE:-}
DIR=${DIR:-} # where collections and vectors are kept; .latentask/eval where empty
wanted=("$@")
cd "$ROOT" # a report names its files from here

# [FROM=OTHER] run NAME CORPUS QUESTIONS FLAG…    What the run OTHER has an answer to is not asked again.
run() {
    local name=$1 corpus=$2 questions=$3
    shift 3
    [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
    if [ -e "$REPORTS/$name.json" ]; then
        say "$name has its report"
        return
    fi
    say "$name"
    local trace=$REPORTS/$name.jsonl
    [ -z "${FROM:-}" ] || [ -e "$trace" ] || [ ! -e "$REPORTS/$FROM.jsonl" ] || cp "$REPORTS/$FROM.jsonl" "$trace"
    "$LOCAL/bin/latentask" eval --corpus "$corpus" --questions "$questions" --limit "$LIMIT" \
        --out "$REPORTS/$name.json" --trace "$trace" --resume ${BUNDLE:+--bundle "$BUNDLE"} ${DIR:+--dir "$DIR"} "$@" ||
        { rm -f "$REPORTS/$name.json"; die "$name was broken off" "Run this again: it goes on from its trace."; }
}

# The manifest's numbers are fitted on the last questions of each set (train/calibrate.py).
FITTED=100

for set in hotpotqa 2wiki musique; do
    files=("data/corpus/$set.jsonl.gz" "data/dev/$set.jsonl.gz")
    if [ "$PASSAGES" != 0 ]; then
        cut=.latentask/eval/cut/$set-$PASSAGES.jsonl.gz
        mkdir -p "${cut%/*}"
        [ -e "$cut" ] || python3 scripts/cut_corpus.py "${files[@]}" "$PASSAGES" "$cut"
        files[0]=$cut
    fi
    run "$set" "${files[@]}" --modes "$MODES" $DECODE
    run "$set-vector" "${files[@]}" --modes "$VECTOR_MODES" --search vector
    run "$set-hidden" "${files[@]}" --modes latent --hide-gold
    [ ${#wanted[@]} -eq 0 ] || FROM=$set run "$set-shown" "${files[@]}" --modes latent $DECODE
    if [ "$LIMIT" = 0 ]; then
        n=$(gzip -dc "data/dev/$set.jsonl.gz" | wc -l)
        FROM=$set LIMIT=$((n - FITTED)) run "$set-unfitted" "${files[@]}" --modes "$MODES" $DECODE
    fi
    [ "$TWIN" = 0 ] || FROM=$set LIMIT=$TWIN run "$set-twin" "${files[@]}" --modes latent,explicit $DECODE
done
run pages data/pages/corpus.jsonl.gz data/pages/questions.jsonl.gz --modes "$MODES" $DECODE
for set in nq triviaqa popqa bamboogle; do
    run "$set" data/corpus/wiki18.jsonl.gz "data/dev/$set.jsonl.gz" --modes "$OPEN_MODES"
done
