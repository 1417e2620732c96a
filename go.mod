module github.com/latentask/latentask

go 1.26.8

require (
	github.com/daulet/tokenizers v1.24.0 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/weaviate/weaviate v1.39.0 // indirect
	github.com/yalue/onnxruntime_go v1.27.0 // indirect
	golang.org/x/sync v0.21.0 // indirect
)
