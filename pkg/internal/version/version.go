// Package version names the build of a function.
package version

// Number is the release that this source is, or will become. The template, the changelog and the
// release's tag have the same; a test compares them.
const Number = "1.0.0"

// commit is set by the linker; see the Makefile. The date of a build is left out, so that a commit
// always makes the same binary.
var commit string

// Info identifies a build.
type Info struct {
	// Version is the release.
	Version string `json:"version"`
	// Commit is the git commit, with "-dirty" after it if files were changed, or "" if unknown.
	Commit string `json:"commit,omitempty"`
}

// Read returns the identity of this program.
func Read() Info { return Info{Version: Number, Commit: commit} }
