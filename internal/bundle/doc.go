// Package bundle opens bundles: the folder of ONNX graphs, tokenizers, reference
// vectors and licences that everything a node reasons with comes from. The
// format is docs/bundle.md; a bundle is written by the Python side of the
// project and only ever read here.
//
// [Open] trusts nothing in the folder: the manifest is read strictly, every
// number in it is checked against what it is used for, and every file against
// its size and SHA-256, so that later stages meet no surprise. It loads the two
// tokenizers but no graph; package ort does that.
//
// [Tokenizer.Encode] is the only way from text to ids. It gives byte offsets,
// takes any string (NUL bytes and invalid UTF-8 included), and no text can
// become a special token. [Align] relates the two tokenizers' pieces of one text
// for the copy head.
package bundle
