// Package release packs what a release consists of: for each architecture an archive that deploys
// without Go and without a build, and the checksums. The archive holds a template, a zip for each
// function that the template names, each function's bill of materials, and a Terraform
// configuration that deploys the template.
//
// The same source always makes the same bytes: every file has the same date, and none has an owner.
// `make release` builds twice and compares.
package release

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	_ "embed" // for terraform
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"engage-token-rotation/pkg/internal/version"
)

// Name is the name of the product, with which the files of a release begin.
const Name = "engage-token-rotation"

// architectures are the names in templates, with those of Go.
var architectures = map[string]string{"arm64": "arm64", "x86_64": "amd64"}

// terraform is a Terraform configuration that deploys an archive's template.
//
//go:embed terraform.tf
var terraform []byte

// Config says what to pack.
type Config struct {
	// Root is the directory of the sources.
	Root string
	// Bin has linux-{goarch}/{function}/bootstrap, as `make build` makes them.
	Bin string
	// Bills has {goarch}/{function}.json, the CycloneDX bills of materials of the binaries.
	Bills string
	// Tag is the tag that is released, such as v1.0.0; "" checks none.
	Tag string
	// Out is the directory for the release. It is made.
	Out string
}

// Pack writes the release's files: the archives, SHA256SUMS and notes.md. Template, changelog and
// tag must name this source's version.
func Pack(c Config) error {
	template, err := os.ReadFile(filepath.Join(c.Root, "template.yaml"))
	if err != nil {
		return fmt.Errorf("pack a release: %w", err)
	}
	changes, err := os.ReadFile(filepath.Join(c.Root, ".github", "CHANGELOG.md"))
	if err != nil {
		return fmt.Errorf("pack a release: %w", err)
	}
	notes, err := Notes(string(changes))
	if err != nil {
		return err
	}
	if err := checkVersion(string(template), c.Tag); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("pack a release: %w", err)
	}
	sums := ""
	for _, architecture := range slices.Sorted(maps.Keys(architectures)) {
		files, err := c.files(string(template), architecture)
		if err != nil {
			return err
		}
		name := strings.Join([]string{Name, version.Number, architecture}, "_")
		archive := archive(name+"/", files)
		if err := os.WriteFile(filepath.Join(c.Out, name+".zip"), archive, 0o644); err != nil {
			return fmt.Errorf("pack a release: %w", err)
		}
		sums += fmt.Sprintf("%x  %s.zip\n", sha256.Sum256(archive), name)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(c.Out, "SHA256SUMS"), []byte(sums), 0o644),
		os.WriteFile(filepath.Join(c.Out, "notes.md"), []byte(notes), 0o644),
	)
}

// checkVersion checks that the template and the tag have this source's version.
func checkVersion(template, tag string) error {
	if !strings.Contains(template, "\n    SemanticVersion: "+version.Number+"\n") {
		return fmt.Errorf("pack a release: template.yaml has another SemanticVersion than %s; change it", version.Number)
	}
	if tag != "" && tag != "v"+version.Number {
		return fmt.Errorf("pack a release: the tag %s is not v%s; "+
			"tag the commit that has the version in package version", tag, version.Number)
	}
	return nil
}

// files returns the files of an architecture's archive by name.
func (c Config) files(template, architecture string) (map[string][]byte, error) {
	packaged, functions, err := Packaged(template, architecture)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"template.yaml": []byte(packaged), "terraform.tf": terraform}
	for _, name := range []string{"samconfig.toml", "LICENSE", "events/ivr-first-account.json"} {
		if files[name], err = os.ReadFile(filepath.Join(c.Root, name)); err != nil {
			return nil, fmt.Errorf("pack a release: %w", err)
		}
	}
	for _, function := range functions {
		goarch := architectures[architecture]
		binary, err := os.ReadFile(filepath.Join(c.Bin, "linux-"+goarch, function, "bootstrap"))
		if err != nil {
			return nil, fmt.Errorf("pack a release: %w; run make build ARCH=%s", err, goarch)
		}
		bill, err := os.ReadFile(filepath.Join(c.Bills, goarch, function+".json"))
		if err != nil {
			return nil, fmt.Errorf("pack a release: %w", err)
		}
		files[function+".zip"] = archive("", map[string][]byte{"bootstrap": binary})
		if files[function+".cdx.json"], err = reproducible(bill); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// earliest is the first day that a zip can name, and the date of every file.
var earliest = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// archive returns a zip of the files. What is named bootstrap can be executed.
func archive(prefix string, files map[string][]byte) []byte {
	var buffer bytes.Buffer
	writer := zip.NewWriter(&buffer)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &zip.FileHeader{Name: prefix + name, Method: zip.Deflate, Modified: earliest}
		mode := fs.FileMode(0o644)
		if name == "bootstrap" {
			mode = 0o755
		}
		header.SetMode(mode)
		// A buffer accepts everything.
		file, _ := writer.CreateHeader(header)
		_, _ = file.Write(files[name])
	}
	_ = writer.Close()
	return buffer.Bytes()
}

// reproducible returns a bill of materials without what differs from one run of its tool to the
// next: the time, and the hashes of the tool itself.
func reproducible(bill []byte) ([]byte, error) {
	var document map[string]any
	if err := json.Unmarshal(bill, &document); err != nil {
		return nil, fmt.Errorf("read a bill of materials: %w", err)
	}
	metadata, _ := document["metadata"].(map[string]any)
	if metadata == nil || document["bomFormat"] != "CycloneDX" {
		return nil, errors.New("read a bill of materials: it is not CycloneDX JSON; make it with cyclonedx-gomod")
	}
	delete(metadata, "timestamp")
	tools, _ := metadata["tools"].([]any)
	for _, tool := range tools {
		if t, ok := tool.(map[string]any); ok {
			delete(t, "hashes")
		}
	}
	text, err := json.MarshalIndent(document, "", "  ")
	return append(text, '\n'), err
}
