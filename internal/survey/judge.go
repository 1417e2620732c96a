package survey

import (
	"fmt"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/fit"
)

// judge decides whether latentAsk can search a vector, as the node does.
// retriever is the bundle's, model the one that a vector of text2vec-latent
// names, found what a comparison says against it.
func (v *Vector) judge(retriever, model, found string) {
	switch {
	case v.Multi:
		v.Why = "it holds several vectors an object, and latentAsk searches one"
	case v.Distance != "cosine" && v.Distance != "dot" && v.Distance != "l2-squared":
		v.Why = "it is compared by " + v.Distance + ", and latentAsk needs cosine, dot or l2-squared"
	case v.Vectorizer == client.Vectorizer && (model == "" || model == retriever):
		v.Servable, v.Why = true, "the node makes it with "+retriever
	case v.Vectorizer == client.Vectorizer:
		v.Why = fmt.Sprintf("it is made with %s, and the bundle holds %s", model, retriever)
	case v.Fit.Kind == fit.Empty:
		v.Why = "there was no object to compare"
	case !fit.MayFit(v.Vectorizer) && v.Fit.Kind == fit.Same:
		v.Why = fmt.Sprintf("what was compared fits, but the node does not take vectors of %s: its models are others", v.Vectorizer)
	case !fit.MayFit(v.Vectorizer):
		v.Why = "the models of " + v.Vectorizer + " are others than " + retriever
	case v.Fit.Kind == fit.Same:
		v.Servable, v.Why = true, "its vectors are those of "+retriever
	default:
		v.Why = found
	}
}

// settingOfModel is the model that a vector's configuration names.
func settingOfModel(class *models.Class, v Vector) string {
	settings := member(modulesOf(class.ModuleConfig), v.Vectorizer)
	if v.Name != "" {
		modules, _ := class.VectorConfig[v.Name].Vectorizer.(map[string]any)
		settings = member(modules, v.Vectorizer)
	}
	return firstText(settings, "model")
}

// short is why a vector can't be searched, without the figures of a comparison.
func (v *Vector) short() string {
	if v.Fit == nil || v.Why == "" || !fit.MayFit(v.Vectorizer) {
		return v.Why
	}
	switch v.Fit.Kind {
	case fit.Other:
		return "its vectors are of another model"
	case fit.Near:
		return "its vectors are probably of the same model, of a text that was laid out in a way that is not known here"
	default:
		return v.Why
	}
}
