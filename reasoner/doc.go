// Package reasoner answers multi-hop questions by a latent loop: a small
// language model searches with vectors that it makes from its hidden states,
// reads what was found, and decides whether to search again or to answer. No
// subquery is written by the model; what a keyword search beside the vectors is
// asked are words of the question and of passages read. The method is LatentRAG's (arXiv 2605.06285).
//
// The package knows no database. [Engine.Ask] takes a question and a [Searcher];
// whatever answers a question in a node goes through it.
//
//	            ┌────────────────────── one pass a hop ─────────────────────┐
//	question ─▶ │ question, or the passages of the last hop │ think │ query │
//	            └──────────────────────────┬──────────────────┬───────┬─────┘
//	                                       │                  │       │ states
//	                 states at word ends   │           action ▼       ▼
//	                 (copy head) ──────────┴──▶ query? ──▶ projector, retriever
//	                                            answer?       │ vector, focus
//	                                              │           ▼
//	                    query tokens rolled back  │       Searcher ─▶ passages ─▶ next hop
//	                    answer decoded ◀──────────┘
//
// # What a hop is
//
// The parts, with the sections of the paper's method that they follow:
//
//   - Latent tokens: m think tokens, then n query tokens; the last think
//     token's state chooses the action (the paper's latent thought and subquery
//     generation). The paper takes two passes a hop; here both kinds of token
//     are in one, and the query tokens' keys and values are rolled back when
//     the action is to answer: latentTurn in loop.go.
//   - Latent retrieval: the query states go through a projector into the
//     retriever's input space, behind the question's own tokens and the word
//     pieces that a copy head picks out of the passages read so far; the
//     retriever's layers make one vector of them. All of it is query.onnx.
//     The words above the copy head's threshold are the hop's focus: focus.go.
//   - Reading: passages come back as text and stay in the sequence, so that the
//     keys and values of earlier hops are never computed twice: cache.go.
//   - Latent decoding: on demand, a hop's latents are told in words, or looked at
//     through the model's own head (the logit lens). That is explanation, made
//     after the answer and without effect on it: tell.go, lens.go.
//
// The first hop always searches, whatever the model's action: an answer of a
// database has objects to stand on. A passage found in one hop is not found
// again in a later one. Passages longer than the bundle's budget are read as
// the sentences nearest to the hop's vector: excerpt.go.
//
// # Answers
//
// An answer is made behind the state in which the loop ends, in one of three ways
// over the same keys and values, or in several of which the most confident is
// kept ([AnswerBy], answer.go):
//
//   - freely, token by token: draft.go;
//   - as a span of what was read, written under a mask, so that nothing is made
//     up and the source comes for free: span.go has the index of spans,
//     spanning.go writes one;
//   - by a pointer to its first and last word, which costs no pass: pointer.go.
//
// [Source] counts in the text as the Searcher gave it, whatever was cleaned and
// left out of it on the way (line.go, part in text.go). The confidence is
// calibrated by the bundle.
//
// # Other modes
//
// [ModeSingle] and [ModeDirect] search once (ask.go). [ModeExplicit] is the same
// loop by a twin that writes its subqueries as text (explicit.go), [ModeIterative]
// is Iter-RetGen (iterative.go). They are there to compare with.
//
// # Why the loop ends
//
// The model chose to answer; maxHops searches were made; a search found nothing
// new; the budget is needed for the answer, or over; or the context is full.
// None of these is an error: [Answer.StoppedBy] tells, and [Answer.Partial] is
// set for the last two. Where the loop knows before a pass that it will not
// search again, it leaves the query tokens out.
//
// What a budget allows is judged by how long passes took, of this question and
// of those before it (budget.go). It sets how many of the passages found are
// read (reading.go), whether there is another hop, and where the answer ends.
//
// # Running beside a database
//
// A bounded number of questions hold the model, a bounded number wait in the
// order of their coming, and the rest get [ErrOverloaded]. A context that ends
// stops the model within one operator of its graph. Decoding is greedy and
// every question has a sequence to itself, so that a question's result depends
// on nothing that runs beside it but, where it has a budget, the time.
//
// A question takes one cache, sized for the most that it can come to read: keys
// and values in float32, 46 KB a token for the default backbone (30 layers, 3
// heads of 64), so 70 MB under the default limits and 94 MB at the full context.
// It lies in Go's heap. What one question of the default limits needs stays
// allocated between questions, times [Options].Concurrency.
//
// Text from outside, question and passages, is data: it is one line, so it
// cannot pass for a prompt piece, and the tokenizers of a bundle have no tokens
// that a text could turn into beyond its own words.
package reasoner
