package client_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/module/adoption"
)

// fill gives every field of a value something that tells it from the others.
func fill(v reflect.Value, next *int) {
	*next++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.String:
		v.SetString(string(rune('a' + *next%26)))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*next))
	case reflect.Float64:
		v.SetFloat(float64(*next) + 0.5)
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("a kind of field that this test does not know: " + v.Kind().String())
	}
}

// decodeStrictly refuses members that the type has not.
func decodeStrictly(t *testing.T, data []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(into), "%s", data)
}

// What the node writes and what this package reads are two declarations of the
// same JSON. Each must take what the other writes, and lose nothing of it.
func TestAdoptionsAreWhatTheNodeSays(t *testing.T) {
	for name, pair := range map[string]struct{ node, client any }{
		"a job":             {&adoption.Job{}, &client.Adoption{}},
		"a request":         {&adoption.Request{}, &client.AdoptionRequest{}},
		"a speed":           {&adoption.Speed{}, &client.Speed{}},
		"a speed's request": {&adoption.SpeedRequest{}, &client.SpeedRequest{}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, filled := range []bool{true, false} {
				across := func(from, to any) {
					from, to = reflect.New(reflect.TypeOf(from).Elem()).Interface(), reflect.New(reflect.TypeOf(to).Elem()).Interface()
					if filled {
						fill(reflect.ValueOf(from).Elem(), new(int))
					}
					sent, err := json.Marshal(from)
					require.NoError(t, err)
					decodeStrictly(t, sent, to)
					back, err := json.Marshal(to)
					require.NoError(t, err)
					require.JSONEq(t, string(sent), string(back))
				}
				across(pair.node, pair.client)
				across(pair.client, pair.node)
			}
		})
	}
}

func TestStatesAreTheNodes(t *testing.T) {
	require.Equal(t, adoption.StateRunning, client.AdoptionRunning)
	require.Equal(t, adoption.StateFinished, client.AdoptionFinished)
	require.Equal(t, adoption.StateFailed, client.AdoptionFailed)
	require.Equal(t, adoption.StateStopped, client.AdoptionStopped)
	require.Equal(t, adoption.ShardPending, client.ShardPending)
	require.Equal(t, adoption.ShardOffloaded, client.ShardOffloaded)
	require.Equal(t, adoption.ShardGone, client.ShardGone)
}
