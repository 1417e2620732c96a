package adopt

import (
	"strings"

	"github.com/go-openapi/strfmt"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/fit"
)

// passagesOf are the passages of an object's texts, in order.
func passagesOf(p *Plan, object *models.Object, tenant string) []*models.Object {
	values, _ := object.Properties.(map[string]any)
	heading, body := headed(p.Properties)
	title := ""
	if texts := texts(values[heading]); len(texts) > 0 {
		title = strings.TrimSpace(texts[0])
	}
	cutValues := func(property string, list []*models.Object) []*models.Object {
		for index, text := range texts(values[property]) {
			for _, piece := range cut(text, passageWords) {
				list = append(list, &models.Object{
					Class: p.Target, Tenant: tenant,
					ID: strfmt.UUID(passageID(string(object.ID), property, index, piece.place)),
					Properties: map[string]any{
						titleProperty: title, textProperty: piece.text, propertyProperty: property,
						indexProperty: float64(index), placeProperty: float64(piece.place),
						startProperty: float64(piece.start), endProperty: float64(piece.end),
						objectProperty: string(object.ID),
						ofProperty:     []any{map[string]any{"beacon": beacon + p.Collection + "/" + string(object.ID)}},
					},
				})
			}
		}
		return list
	}
	var list []*models.Object
	for _, property := range body {
		list = cutValues(property, list)
	}
	if len(list) == 0 && heading != "" {
		list = cutValues(heading, list)
	}
	for _, passage := range list {
		passage.Properties.(map[string]any)[partsProperty] = float64(len(list))
	}
	return list
}

// headed tells the property that heads the texts, empty where there is none,
// from those that are cut.
func headed(properties []string) (heading string, body []string) {
	if len(properties) < 2 {
		return "", properties
	}
	ordered := fit.ReadingOrder(properties)
	if fit.IsHeading(ordered[0]) {
		return ordered[0], ordered[1:]
	}
	return "", properties
}

// texts are the values of a text or text[] property.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		out := make([]string, 0, len(v))
		for _, e := range v {
			s, _ := e.(string)
			out = append(out, s)
		}
		return out
	}
	return nil
}
