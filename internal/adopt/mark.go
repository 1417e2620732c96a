package adopt

import (
	"encoding/json"
	"strings"

	"github.com/weaviate/weaviate/entities/models"
)

// Mark stands at the end of the description of a collection that this package
// made, so that none else is ever written over or deleted.
type Mark struct {
	// Of is the collection that it was made of, Way how.
	Of  string `json:"of"`
	Way Way    `json:"way"`
	// Woken is a tenant of Of that is active while it is read, WokenFrom what it
	// was before; a run that goes on puts it back.
	Woken     string `json:"woken,omitempty"`
	WokenFrom string `json:"wokenFrom,omitempty"`
}

const (
	markBegin = "[latentask adopt "
	markEnd   = "]"
)

// ReadMark is a collection's mark; false where it has none.
func ReadMark(description string) (Mark, bool) {
	at := strings.LastIndex(description, markBegin)
	if at < 0 || !strings.HasSuffix(description, markEnd) {
		return Mark{}, false
	}
	data := strings.TrimSuffix(description[at+len(markBegin):], markEnd)
	var m Mark
	if json.Unmarshal([]byte(data), &m) != nil || m.Of == "" || (m.Way != Copied && m.Way != Passages) {
		return Mark{}, false
	}
	return m, true
}

// On is a description with the mark in place of one that it may have had.
func (m Mark) On(description string) string {
	if at := strings.LastIndex(description, markBegin); at >= 0 {
		description = description[:at]
	}
	// A struct of strings can always be encoded.
	data, _ := json.Marshal(m)
	description = strings.TrimRight(description, " ")
	if description != "" {
		description += " "
	}
	return description + markBegin + string(data) + markEnd
}

// made tells whether a collection was made of another in this way.
func made(class *models.Class, of string, way Way) bool {
	m, ok := ReadMark(class.Description)
	return ok && m.Of == of && m.Way == way
}
