package ort

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"
)

// driver is the NVIDIA driver's library, which comes with the driver and not
// with us.
const driver = "libcuda.so.1"

// cudaLibraries are the beginnings of the names of the libraries that the CUDA
// provider needs.
var cudaLibraries = []string{
	"libcudart.", "libnvrtc", "libnvJitLink.", "libcublas", "libcurand.", "libcufft.", "libcusparse.", "libcudnn",
}

// preloadCUDA loads the driver, and CUDA's libraries where they lie beside
// ONNX Runtime's. The provider asks for them by name and would find them only in
// the loader's own path; a library that is already loaded is found wherever it
// lies, so no LD_LIBRARY_PATH is needed. They stay loaded. Only the lack of a
// driver is an error: whatever else is missing, the probe will tell.
func preloadCUDA(folder string) error {
	if err := dlopen(driver); err != nil {
		return fmt.Errorf("no NVIDIA driver: %w", err)
	}
	waiting := cudaIn(folder)
	// Some need others of the folder: go round until a round loads nothing new.
	for progress := true; progress; {
		progress = false
		var failed []string
		for _, path := range waiting {
			if dlopen(path) == nil {
				progress = true
			} else {
				failed = append(failed, path)
			}
		}
		waiting = failed
	}
	return nil
}

// cudaIn lists CUDA's libraries in a folder.
func cudaIn(folder string) []string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var paths []string
	for _, entry := range entries {
		for _, beginning := range cudaLibraries {
			if strings.HasPrefix(entry.Name(), beginning) && strings.Contains(entry.Name(), ".so") && !strings.HasSuffix(entry.Name(), ".part") {
				paths = append(paths, filepath.Join(folder, entry.Name()))
				break
			}
		}
	}
	return paths
}

// dlopen loads a library for all that is loaded later.
func dlopen(name string) error {
	cName := C.CString(name)
	defer C.free(unsafe.Pointer(cName))
	if C.dlopen(cName, C.RTLD_LAZY|C.RTLD_GLOBAL) != nil {
		return nil
	}
	if message := C.dlerror(); message != nil {
		return fmt.Errorf("%s", C.GoString(message))
	}
	return fmt.Errorf("%s cannot be loaded", name)
}
