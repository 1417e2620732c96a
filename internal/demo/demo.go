package demo

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/latentask/latentask/internal/client"
)

// Collection is the one that the demo fills and asks.
const Collection = "Passage"

// Config says what the demo runs on.
type Config struct {
	// Binary is the node's executable, Bundle the bundle's folder.
	Binary, Bundle string
	// Dir holds the node's data, its log, and what is known of a running one.
	Dir string
	// Passages and Questions are the files of the corpus and of its questions.
	Passages, Questions string
	// Count is how many questions are asked, those of the file in order.
	Count int
	// Keep leaves the node running until ctx ends.
	Keep bool
	// Ask is how the command that asks is called, for the words at the end.
	Ask string
	// Out takes the answers, Progress what happens meanwhile.
	Out, Progress io.Writer
}

// Run is the demo. A node that it started has ended when it returns.
func Run(ctx context.Context, config Config) (err error) {
	started := time.Now()
	questions, err := readQuestions(config.Questions, config.Count)
	if err != nil {
		return fmt.Errorf("the demo's questions: %w", err)
	}
	corpus, err := openCorpus(config.Passages)
	if err != nil {
		return fmt.Errorf("the demo's passages: %w", err)
	}

	host, err := connect(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := host.close(config.Progress); err == nil {
			err = stopErr
		}
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w (the node's log is %s)", err, host.logFile)
		}
	}()
	if err := host.waitBundle(ctx, config); err != nil {
		return err
	}
	if err := corpus.fill(ctx, host.client, config.Progress); err != nil {
		return err
	}

	report := newReport(config.Out)
	for i, q := range questions {
		result, err := ask(ctx, host.client, q)
		if err != nil {
			return fmt.Errorf("question %q: %w", q.Text, err)
		}
		if i == 0 {
			fmt.Fprintf(config.Progress, "==> first answer %.1f s after the start\n", time.Since(started).Seconds())
		}
		report.question(i+1, result)
	}
	report.summary()
	report.goOn(config, host)
	if config.Keep && host.node != nil {
		<-ctx.Done()
	}
	return nil
}

// ask asks one question, and what one plain search of as many passages as
// latentAsk read finds.
func ask(ctx context.Context, c *client.Client, q Question) (comparison, error) {
	show := []string{"title"}
	reply, err := c.Ask(ctx, client.Question{Collection: Collection, Text: q.Text, Show: show})
	if err != nil {
		return comparison{}, err
	}
	single, err := c.Search(ctx, Collection, "", q.Text, len(reply.Objects), show)
	if err != nil {
		return comparison{}, err
	}
	return comparison{question: q, reply: reply, single: single}, nil
}
