// Package ort runs ONNX graphs with ONNX Runtime.
//
// It is the only importer of onnxruntime_go and knows nothing of bundles,
// language models or Weaviate. What it adds to the binding is what a database
// needs of it:
//
//   - [Open] finds libonnxruntime, checks its version, picks the device and
//     says in [Device.Warning] when it had to settle for the CPU;
//   - every session gets a bounded number of threads that never spin, so that
//     vector search keeps its cores;
//   - [Session.Run] writes into tensors that the caller allocated, ends within
//     one operator of the context's end, and never returns before the runtime
//     has let go of the tensors;
//   - errors are of type [*Error]: a kind to branch on, what was being done,
//     and a hint for whoever operates the node.
//
// # Ownership
//
// Whoever opens closes: every [Runtime], [Session] and [Tensor] has a Close.
// Closing the last handle of the runtime reports sessions and tensors that are
// still open, which is how tests find leaks. A tensor's data lies in Go's heap
// (so GOMEMLIMIT counts it); ONNX Runtime's own working memory does not, and
// [SessionConfig.Arena] says how much of it stays behind.
//
// # One tensor as input and output
//
// The same *Tensor may be passed as an input and as an output of one run. For
// graphs whose operators support it (GroupQueryAttention with past and present
// keys and values) the cache is then extended where it lies, without a copy.
package ort
