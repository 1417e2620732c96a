// Package score compares an answer with the known ones as the evaluation
// scripts of the question-answering benchmarks do: HotpotQA's and
// 2WikiMultihopQA's on the one hand, SQuAD's and MuSiQue's on the other. The
// numbers are theirs to the last digit; testdata says how that is checked.
package score
