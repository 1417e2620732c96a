// Package acceptance tests nodes over their real ports: each test talks to a
// process that it or the package started, with data that it loads.
//
// `make test-acceptance` sets what it needs: LATENTASK_NODE and
// LATENTASK_PLAIN_NODE, the binaries of a node with latentask and of one of the
// same Weaviate without it; LATENTASK_BUNDLE; LATENTASK_PYTHON, an interpreter
// that has Weaviate's Python client. Where one is missing, the tests that need
// it are skipped, or fail with LATENTASK_REQUIRE_BUNDLE=1.
//
// No test here depends on how good the bundle's answers are.
package acceptance
