// Package version holds what this build of latentask is called.
package version

// Version is the released version, or the one being worked on.
const Version = "0.1.0"

// Revision is the commit that was built, empty where that is unknown. The node
// builder sets it at link time.
var Revision string

// String is the version with its revision, for example "0.1.0 (1a23c38)".
func String() string {
	if Revision == "" {
		return Version
	}
	return Version + " (" + Revision + ")"
}
