#!/usr/bin/env bash
# Figures of collections that another model embedded, for docs/results.md: asked at once (the stock container's all-MiniLM-L6-v2),
# adopted (multilingual-e5-small, through text2vec-openai and with vectors brought along), and how fast adopting is and what it does
# to other requests. All of it lies in .latentask/adoption; a step that has its file there is left out, so a run that was broken off
# goes on. Prints the tables; python -m scripts.adoption.tables writes them.
#   scripts/adopt_figures.sh                     60 questions of each set over 5,000 passages; 50,000 objects for the speeds
#   LIMIT=0 PASSAGES=0 scripts/adopt_figures.sh  all questions over whole corpora
#   SETS= scripts/adopt_figures.sh               the speeds alone
#   OBJECTS=0 scripts/adopt_figures.sh           without the speeds
#   CHUNKS, ROUNDS, SECONDS_A_PHASE              how the speeds are measured (10 chunks; 6 rounds of two phases of 30 s)
#   DIR, EVAL_DIR, BIN, LATENTASK_BUNDLE         folders: of the run, of `latentask eval`, of the binaries, of the bundle
#   PORT=18470                                   the first of nine ports

source "$(dirname "$0")/common.sh"

export LIMIT=${LIMIT-60} PASSAGES=${PASSAGES-5000} SETS=${SETS-hotpotqa 2wiki musique}
export DIR=${DIR:-$LOCAL/adoption} EVAL_DIR=${EVAL_DIR:-$LOCAL/eval}
export BIN=${BIN:-$LOCAL/bin} LATENTASK_BUNDLE=${LATENTASK_BUNDLE:-$LOCAL/bundle}
mkdir -p "$DIR" "$EVAL_DIR/cut"
DIR=$(cd "$DIR" && pwd) EVAL_DIR=$(cd "$EVAL_DIR" && pwd)
cd "$ROOT" # a report names its files from here

for needed in "$BIN/latentask" "$BIN/weaviate" "$LATENTASK_BUNDLE/manifest.json"; do
    [ -e "$needed" ] || die "there is no $needed" "make build makes it."
done
"$VENV/bin/python" -c 'import weaviate' 2>/dev/null || "$ROOT/scripts/venv.sh" dev

if [ -n "$SETS" ]; then
    scripts/e5.sh
    say "building what plays the inference container"
    LIBRARY_PATH=$LOCAL/lib${LIBRARY_PATH:+:$LIBRARY_PATH} go build -o "$DIR/inference" ./test/inference/serve
fi
for set in $SETS; do
    cut=$EVAL_DIR/cut/$set-$PASSAGES.jsonl.gz
    [ "$PASSAGES" = 0 ] || [ -e "$cut" ] ||
        python3 scripts/cut_corpus.py "data/corpus/$set.jsonl.gz" "data/dev/$set.jsonl.gz" "$PASSAGES" "$cut"
done
exec env PYTHONPATH="$ROOT" "$VENV/bin/python" -m scripts.adoption
