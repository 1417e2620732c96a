// Package acceptance tests nodes over their real ports: each test talks to a
// process that it or the package started, with data that it loads.
//
// `make test-acceptance` sets what it needs: LATENTASK_NODE and
// LATENTASK_PLAIN_NODE, the binaries of a node with latentask and of one of the
// same Weaviate without it; LATENTASK_BUNDLE; LATENTASK_PYTHON, an interpreter
// that has Weaviate's Python client. LATENTASK_TOOL is the command line tool, by
// default the one beside LATENTASK_NODE. Where one is missing, the tests that need
// it are skipped, or fail with LATENTASK_REQUIRE_BUNDLE=1.
//
// LATENTASK_KILLS is how often TestAdoptSurvivesKills kills, LATENTASK_SEED what
// decides when.
//
// No test here depends on how good the bundle's answers are.
package acceptance
