package ort

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// signature is what a graph calls its inputs and outputs.
type signature struct{ inputs, outputs []string }

// Field numbers of onnx.proto3 and wire types of protocol buffers.
const (
	modelGraph      = 7
	graphInput      = 11
	graphOutput     = 12
	valueName       = 1
	wireVarint      = 0
	wireFixed64     = 1
	wireLengthDelim = 2
	wireFixed32     = 5

	// maxName bounds a name, so that a damaged length is no allocation.
	maxName = 4096
)

var errMalformed = errors.New("not an ONNX file")

// readSignature reads the names of a graph's inputs and outputs, and skips the
// rest of the file. The binding can only tell them by loading the whole model a
// second time. Initialisers are not inputs in graphs of IR version 4 or later.
func readSignature(path string) (signature, error) {
	file, err := os.Open(path)
	if err != nil {
		return signature{}, err
	}
	defer file.Close()
	return parseSignature(file)
}

func parseSignature(r io.Reader) (signature, error) {
	var sig signature
	var found bool
	top := message{r: bufio.NewReader(r), left: -1}
	err := top.fields(func(field int, body *message) error {
		if field != modelGraph {
			return nil
		}
		found = true
		return body.fields(func(field int, body *message) error {
			switch field {
			case graphInput:
				return body.name(&sig.inputs)
			case graphOutput:
				return body.name(&sig.outputs)
			}
			return nil
		})
	})
	if err == nil && !found {
		err = errMalformed
	}
	if err != nil {
		return signature{}, err
	}
	return sig, nil
}

// message is a protocol buffers message in a stream. left is how many of its
// bytes are unread, or -1 when it ends with the stream.
type message struct {
	r    *bufio.Reader
	left int64
}

// fields calls visit with every length-delimited field; what visit leaves
// unread of the field is skipped, and so are fields of other types.
func (m *message) fields(visit func(field int, body *message) error) error {
	for m.left != 0 {
		tag, err := m.varint()
		if err == io.EOF && m.left < 0 {
			return nil
		}
		if err != nil {
			return malformed(err)
		}
		switch tag & 7 {
		case wireVarint:
			_, err = m.varint()
		case wireFixed64:
			err = m.skip(8)
		case wireFixed32:
			err = m.skip(4)
		case wireLengthDelim:
			var size uint64
			if size, err = m.varint(); err != nil {
				break
			}
			if size > 1<<62 || (m.left >= 0 && int64(size) > m.left) {
				return errMalformed
			}
			if m.left >= 0 {
				m.left -= int64(size)
			}
			body := &message{r: m.r, left: int64(size)}
			if err := visit(int(tag>>3), body); err != nil {
				return err
			}
			err = body.skip(body.left)
		default:
			return errMalformed
		}
		if err != nil {
			return malformed(err)
		}
	}
	return nil
}

// name appends the name of a ValueInfoProto.
func (m *message) name(names *[]string) error {
	return m.fields(func(field int, body *message) error {
		if field != valueName {
			return nil
		}
		if body.left > maxName {
			return errMalformed
		}
		name := make([]byte, body.left)
		if _, err := io.ReadFull(body.r, name); err != nil {
			return malformed(err)
		}
		body.left = 0
		*names = append(*names, string(name))
		return nil
	})
}

// ReadByte makes a message an io.ByteReader that ends with the message.
func (m *message) ReadByte() (byte, error) {
	if m.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	b, err := m.r.ReadByte()
	if err == nil && m.left > 0 {
		m.left--
	}
	return b, err
}

func (m *message) varint() (uint64, error) { return binary.ReadUvarint(m) }

func (m *message) skip(n int64) error {
	if m.left >= 0 {
		if n > m.left {
			return errMalformed
		}
		m.left -= n
	}
	_, err := io.CopyN(io.Discard, m.r, n)
	return err
}

func malformed(err error) error {
	if errors.Is(err, errMalformed) {
		return err
	}
	return fmt.Errorf("%w: %w", errMalformed, err)
}
