package adopt

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/weaviate/weaviate/entities/models"
)

// beacon begins what refers to an object: the collection and the id follow.
const beacon = "weaviate://localhost/"

// carried is an object as it belongs into a copy, without its references:
// Weaviate refuses an object that refers to one which is not there, yet or any
// more. They are added to objects that are stored.
func carried(o *models.Object, to, tenant string) *models.Object {
	values, _ := o.Properties.(map[string]any)
	plain := make(map[string]any, len(values))
	for name, value := range values {
		if _, ok := referencesOf(value); !ok {
			plain[name] = value
		}
	}
	return &models.Object{
		Class: to, ID: o.ID, Tenant: tenant,
		Properties: plain, Vector: o.Vector, Vectors: o.Vectors,
	}
}

// references are an object's by property, those into one collection turned into
// another.
func references(o *models.Object, from, to string) map[string][]string {
	values, _ := o.Properties.(map[string]any)
	all := map[string][]string{}
	for name, value := range values {
		list, ok := referencesOf(value)
		if !ok || len(list) == 0 {
			continue
		}
		for i, target := range list {
			if rest, ok := strings.CutPrefix(target, beacon+from+"/"); ok {
				list[i] = beacon + to + "/" + rest
			}
		}
		all[name] = list
	}
	return all
}

// referencesOf are the beacons of a property that holds references; false for
// any other.
func referencesOf(value any) ([]string, bool) {
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		return nil, false
	}
	beacons := make([]string, len(list))
	for i, v := range list {
		reference, _ := v.(map[string]any)
		if beacons[i], ok = reference["beacon"].(string); !ok {
			return nil, false
		}
	}
	return beacons, true
}

// lacking are the references that an object has to be given; false where it has
// others than it should, or one more often, as when a node does what a client
// that gave up has asked for: only writing it anew takes them away.
func lacking(want, have map[string][]string) (map[string][]string, bool) {
	add := map[string][]string{}
	for name, list := range have {
		for _, beacon := range list {
			if times(list, beacon) > times(want[name], beacon) {
				return nil, false
			}
		}
	}
	for name, list := range want {
		for _, beacon := range list {
			if !slices.Contains(have[name], beacon) {
				add[name] = append(add[name], beacon)
			}
		}
	}
	return add, true
}

func times(list []string, one string) int {
	n := 0
	for _, s := range list {
		if s == one {
			n++
		}
	}
	return n
}

// same tells whether an object of the copy is what it should be. References, and
// the vector that the copy has and the original lacks, are no part of that.
func same(want, have *models.Object, vector string) bool {
	if !sameJSON(want.Properties, carried(have, "", "").Properties) {
		return false
	}
	if len(want.Vector) > 0 && !reflect.DeepEqual(want.Vector, have.Vector) {
		return false
	}
	for name, v := range want.Vectors {
		if name != vector && !sameJSON(v, have.Vectors[name]) {
			return false
		}
	}
	return true
}

func sameJSON(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}
