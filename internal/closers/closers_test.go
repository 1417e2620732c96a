package closers

import (
	"errors"
	"slices"
	"testing"
)

func TestStack(t *testing.T) {
	var closed []int
	first, third := errors.New("first"), errors.New("third")
	stack := func() *Stack {
		closed = nil
		s := &Stack{}
		for i, err := range []error{first, nil, third} {
			s.Push(func() error {
				closed = append(closed, i)
				return err
			})
		}
		return s
	}
	s := stack()
	err := s.Close()
	if !errors.Is(err, first) || !errors.Is(err, third) || !slices.Equal(closed, []int{2, 1, 0}) {
		t.Errorf("closed %v with %v", closed, err)
	}
	if err := s.Close(); err != nil || len(closed) != 3 {
		t.Errorf("a second Close closed %v with %v", closed, err)
	}

	err = nil
	if stack().OnError(&err); err != nil || closed != nil {
		t.Errorf("without an error: closed %v with %v", closed, err)
	}
	fault := errors.New("fault")
	err = fault
	if stack().OnError(&err); !errors.Is(err, fault) || !errors.Is(err, first) || len(closed) != 3 {
		t.Errorf("closed %v with %v", closed, err)
	}
}
