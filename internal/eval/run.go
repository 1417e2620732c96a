package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/progress"
)

// Asker is what answers; *client.Client is one.
type Asker interface {
	Ask(ctx context.Context, q client.Question) (*client.Reply, error)
}

// Settings are what a run is asked for beside its files. They stand in the
// report.
type Settings struct {
	Modes []Mode `json:"modes"`
	// Search is that of the loops: auto, vector or hybrid.
	Search   string `json:"search"`
	AnswerBy string `json:"answer_by"`
	// MaxHops and PassagesPerHop are the bundle's where 0.
	MaxHops        int `json:"max_hops"`
	PassagesPerHop int `json:"passages_per_hop"`
	// SinglePassages is how many passages a single search reads where there is
	// no latent loop to read as many as.
	SinglePassages int  `json:"single_passages"`
	Decode         bool `json:"decode"`
	// HideGold asks each question with a filter that leaves its gold passages
	// out, so that the right thing is to abstain. Questions whose gold is not
	// known are left out.
	HideGold bool `json:"hide_gold"`
	// Collection and the rest say what is asked.
	Collection   string   `json:"collection"`
	Tenant       string   `json:"tenant,omitempty"`
	TargetVector string   `json:"target_vector,omitempty"`
	Properties   []string `json:"properties,omitempty"`
	IDProperty   string   `json:"id_property"`
}

// Run says what to ask, and whom.
type Run struct {
	Settings  Settings
	Questions []Question
	Asker     Asker
	// Trace takes a line a record; it may be nil.
	Trace io.Writer
	// Known are records of this run that an earlier try left, of these
	// questions or others.
	Known []Record
	// Mark is Mark's, written into every record.
	Mark string
	// Progress takes what happens meanwhile.
	Progress io.Writer
}

// Outcome is what a run gave.
type Outcome struct {
	// Records are those of a question together, in the order of the questions.
	Records []Record
	// Skipped says of modes why they could not be run.
	Skipped map[Mode]string
}

// Mark names a run by what its records depend on: the settings, and the origin
// of its questions and answers (files, bundle, address). Which of the questions
// are asked is no part of it, nor in which modes, so that both can be added to;
// but whether the latent loop is among them is, which single searches read as
// many passages as.
func Mark(settings Settings, origin ...string) (string, error) {
	if slices.Contains(settings.Modes, ModeLatent) {
		settings.Modes = []Mode{ModeLatent}
	} else {
		settings.Modes = nil
	}
	data, err := json.Marshal(settings)
	if err != nil {
		return "", err
	}
	return digest(append([]string{string(data)}, origin...)...), nil
}

// maxFirstErrors is how many questions in a row a mode may fail from the start
// before the run is given up.
const maxFirstErrors = 5

// Do asks every question in every mode, one at a time. What a node says against
// one question is a record with an error; a node that does not answer ends the
// run. When it ends early, the outcome holds what there is.
func (r *Run) Do(ctx context.Context) (*Outcome, error) {
	out := &Outcome{Skipped: map[Mode]string{}}
	known := map[Mode]map[string]Record{}
	for _, m := range r.Settings.Modes {
		known[m] = map[string]Record{}
	}
	for _, record := range r.Known {
		if byID, ok := known[record.Mode]; ok {
			byID[record.ID] = record
		}
	}
	total := 0
	for _, q := range r.Questions {
		for _, mode := range r.Settings.Modes {
			if _, done := known[mode][q.ID]; !done {
				total++
			}
		}
	}
	step := progress.Start(r.Progress, "questions × modes", total)
	defer step.End()
	failed := map[Mode]int{}
	for _, q := range r.Questions {
		passages := r.Settings.SinglePassages
		for _, mode := range r.Settings.Modes {
			if out.Skipped[mode] != "" {
				step.Add(1)
				continue
			}
			record, done := known[mode][q.ID]
			if !done {
				var err error
				if record, err = r.ask(ctx, q, mode, passages); err != nil {
					var unable *unableError
					if errors.As(err, &unable) && len(out.of(mode)) == 0 {
						out.Skipped[mode] = unable.Error()
						continue
					}
					return out, fmt.Errorf("question %s in mode %s: %w", q.ID, mode, err)
				}
				if r.Trace != nil {
					if err := writeRecord(r.Trace, record); err != nil {
						return out, fmt.Errorf("the trace: %w", err)
					}
				}
				step.Add(1)
			}
			out.Records = append(out.Records, record)
			if mode == ModeLatent && record.Error == "" {
				passages = len(record.passages())
			}
			if record.Error == "" {
				failed[mode] = -len(r.Questions)
			} else if failed[mode]++; failed[mode] == maxFirstErrors {
				return out, fmt.Errorf("the first %d questions all failed in mode %s, the last with: %s", maxFirstErrors, mode, record.Error)
			}
		}
	}
	return out, nil
}

// of are a mode's records.
func (o *Outcome) of(mode Mode) []Record {
	return slices.DeleteFunc(slices.Clone(o.Records), func(r Record) bool { return r.Mode != mode })
}

// evidenceLimit is how many objects are asked for: more than any loop finds, so
// that none is cut off.
const evidenceLimit = 1000

// ask asks one question in one mode.
func (r *Run) ask(ctx context.Context, q Question, mode Mode, passages int) (Record, error) {
	s := &r.Settings
	base := client.Question{
		Collection: s.Collection, Tenant: s.Tenant, TargetVector: s.TargetVector, Read: s.Properties,
		Search: strings.ToUpper(s.Search), AnswerBy: strings.ToUpper(s.AnswerBy),
		MaxHops: s.MaxHops, PassagesPerHop: s.PassagesPerHop, Decode: s.Decode,
		Details: true, Limit: evidenceLimit,
	}
	if s.IDProperty != "" && s.IDProperty != ObjectID {
		base.Show = []string{s.IDProperty}
	}
	if s.HideGold {
		base.Without = &client.Without{Property: s.IDProperty, Values: q.Hidden}
	}
	reply, err := r.Asker.Ask(ctx, mode.ask(base, q.Text, passages))
	var said *client.QueryError
	if errors.As(err, &said) {
		if err := unable(said); err != nil {
			return Record{}, err
		}
		record := Record{ID: q.ID, Mode: mode, Hops: []HopRecord{}, Error: said.Error(), Run: r.Mark}
		record.Scores = record.scores(q)
		return record, nil
	}
	if err != nil {
		return Record{}, err
	}
	record := newRecord(q, mode, reply, pids(reply, s.IDProperty))
	record.Run = r.Mark
	return record, nil
}

// ObjectID is the IDProperty that stands for the object's own id.
const ObjectID = "id"

// pids tells the passage's id of an object in a reply: its id property where it
// has one, else the object's own id.
func pids(reply *client.Reply, property string) func(string) string {
	byObject := make(map[string]string, len(reply.Objects))
	for _, o := range reply.Objects {
		switch value := o.Properties[property].(type) {
		case nil:
		case float64: // any number
			byObject[o.ID] = strconv.FormatFloat(value, 'f', -1, 64)
		default:
			byObject[o.ID] = fmt.Sprint(value)
		}
	}
	return func(id string) string {
		if pid, ok := byObject[id]; ok {
			return pid
		}
		return id
	}
}

// unableError is a node's word that it cannot answer in this way at all.
type unableError struct{ said *client.QueryError }

// Error leaves out the names of Weaviate's layers, which stand before the
// argument's.
func (e *unableError) Error() string {
	messages := slices.Clone(e.said.Messages)
	for i, m := range messages {
		if at := strings.Index(m, "latentAsk."); at > 0 {
			messages[i] = m[at:]
		}
	}
	return strings.Join(messages, "; ")
}

// unable tells what is said against the way of asking from what is said against
// one question: by the argument's field that a message names, and by what
// GraphQL says of names that it does not know. nil where it is the question.
func unable(said *client.QueryError) error {
	for _, message := range said.Messages {
		switch {
		case strings.Contains(message, "Cannot query field"), strings.Contains(message, "Unknown argument"):
			return fmt.Errorf("the node speaks another version of latentAsk than this command: %w", said)
		case strings.Contains(message, `Argument "latentAsk" has invalid value`):
			return &unableError{said}
		}
		for _, field := range []string{"mode", "search", "answerBy"} {
			if strings.Contains(message, "latentAsk."+field+":") {
				return &unableError{said}
			}
		}
	}
	return nil
}
