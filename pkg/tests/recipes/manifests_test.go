package recipes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// documents returns the documents of a manifest.
func documents(t *testing.T, file string) []yaml.Node {
	t.Helper()
	text, err := os.ReadFile(recipes + file)
	if err != nil {
		t.Fatal(err)
	}
	var all []yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var document yaml.Node
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, document)
	}
}

// strictly decodes a document; a field that the type does not have fails the test.
func strictly(t *testing.T, document yaml.Node, into any) {
	t.Helper()
	text, err := yaml.Marshal(&document)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// kind is what every manifest has.
type kind struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name   string            `yaml:"name"`
		Labels map[string]string `yaml:"labels"`
	} `yaml:"metadata"`
}

// externalSecretManifest has the fields of an ExternalSecret that the recipe uses.
type externalSecretManifest struct {
	kind `yaml:",inline"`
	Spec struct {
		RefreshInterval string                      `yaml:"refreshInterval"`
		SecretStoreRef  struct{ Kind, Name string } `yaml:"secretStoreRef"`
		Target          struct{ Name string }
		Data            []struct {
			SecretKey string                         `yaml:"secretKey"`
			RemoteRef struct{ Key, Property string } `yaml:"remoteRef"`
		}
	}
}

func externalSecret(t *testing.T) externalSecretManifest {
	t.Helper()
	for _, document := range documents(t, "external-secrets.yaml") {
		var k kind
		if err := document.Decode(&k); err != nil {
			t.Fatal(err)
		}
		if k.Kind == "ExternalSecret" {
			var manifest externalSecretManifest
			strictly(t, document, &manifest)
			return manifest
		}
	}
	t.Fatal("external-secrets.yaml has no ExternalSecret")
	return externalSecretManifest{}
}

// The schemas are those of the operator's own types.
func TestExternalSecretsFitTheOperatorsSchemas(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("FOREIGN_READERS")
	if dir == "" {
		t.Skip("needs the operator's schemas: make readers-foreign")
	}
	var manifests []map[string]any
	for _, document := range documents(t, "external-secrets.yaml")[:2] {
		var manifest map[string]any
		if err := document.Decode(&manifest); err != nil {
			t.Fatal(err)
		}
		manifests = append(manifests, manifest)
	}
	if out, err := validate(t, dir, manifests); err != nil || out != "SecretStore\nExternalSecret\n" {
		t.Errorf("%v: %s", err, out)
	}
	manifests[1]["spec"].(map[string]any)["refreshInterval"] = 5
	if out, err := validate(t, dir, manifests); err == nil {
		t.Errorf("a manifest that breaks the schema is valid: %s", out)
	}
}

func validate(t *testing.T, dir string, manifests []map[string]any) (string, error) {
	t.Helper()
	work := t.TempDir()
	program, err := os.ReadFile("testdata/validate.mjs")
	if err == nil {
		err = os.WriteFile(filepath.Join(work, "validate.mjs"), program, 0o600)
	}
	if err == nil {
		err = os.Symlink(filepath.Join(dir, "node", "node_modules"), filepath.Join(work, "node_modules"))
	}
	text, marshalErr := json.Marshal(manifests)
	if err := errors.Join(err, marshalErr); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "node", filepath.Join(work, "validate.mjs"))
	c.Stdin = bytes.NewReader(text)
	out, err := c.CombinedOutput()
	return string(out), err
}

// The fields are those of api/v1alpha1 of the reloader.
func TestReloaderWatchesTheExternalSecret(t *testing.T) {
	all := documents(t, "external-secrets.yaml")
	var config struct {
		kind `yaml:",inline"`
		Spec struct {
			NotificationSources []struct {
				Type   string
				AwsSqs struct {
					QueueURL string `yaml:"queueURL"`
					Auth     struct {
						AuthMethod        string `yaml:"authMethod"`
						Region            string
						ServiceAccountRef struct{ Name, Namespace string } `yaml:"serviceAccountRef"`
					}
				} `yaml:"awsSqs"`
			} `yaml:"notificationSources"`
			DestinationsToWatch []struct {
				Type           string
				ExternalSecret struct {
					LabelSelectors struct {
						MatchLabels map[string]string `yaml:"matchLabels"`
					} `yaml:"labelSelectors"`
				} `yaml:"externalSecret"`
			} `yaml:"destinationsToWatch"`
		}
	}
	strictly(t, all[len(all)-1], &config)
	if config.Kind != "Config" || config.APIVersion != "reloader.external-secrets.io/v1alpha1" {
		t.Errorf("%s %s", config.APIVersion, config.Kind)
	}
	source, destination := config.Spec.NotificationSources[0], config.Spec.DestinationsToWatch[0]
	if source.Type != "AwsSqs" || source.AwsSqs.Auth.AuthMethod != "irsa" || destination.Type != "ExternalSecret" {
		t.Errorf("from %+v to %+v", source, destination)
	}
	labels := externalSecret(t).Metadata.Labels
	for name, value := range destination.ExternalSecret.LabelSelectors.MatchLabels {
		if labels[name] != value {
			t.Errorf("the ExternalSecret has the labels %v, the reloader watches %s=%s", labels, name, value)
		}
	}
}

// secretStoreObject is an object of a SecretProviderClass for AWS's provider.
type secretStoreObject struct {
	ObjectName string `yaml:"objectName"`
	ObjectType string `yaml:"objectType"`
	JMESPath   []struct {
		Path        string
		ObjectAlias string `yaml:"objectAlias"`
	} `yaml:"jmesPath"`
}

func TestCSIDriverMountsTheTokenAlone(t *testing.T) {
	all := documents(t, "secrets-store-csi.yaml")
	var class struct {
		kind `yaml:",inline"`
		Spec struct {
			Provider   string
			Parameters map[string]string
		}
	}
	strictly(t, all[0], &class)
	if class.APIVersion != "secrets-store.csi.x-k8s.io/v1" || class.Kind != "SecretProviderClass" ||
		class.Spec.Provider != "aws" {
		t.Errorf("%+v", class)
	}
	var text yaml.Node
	if err := yaml.Unmarshal([]byte(class.Spec.Parameters["objects"]), &text); err != nil {
		t.Fatal(err)
	}
	var objects []secretStoreObject
	strictly(t, text, &objects)
	object := objects[0]
	if len(objects) != 1 || object.ObjectName != secretName || object.ObjectType != "secretsmanager" ||
		len(object.JMESPath) != 1 || object.JMESPath[0].Path != "apiToken" {
		t.Errorf("objects %+v", objects)
	}
	var pod struct {
		Spec struct {
			Containers []struct {
				VolumeMounts []struct{ Name string } `yaml:"volumeMounts"`
			}
			Volumes []struct {
				Name string
				CSI  struct {
					Driver           string
					VolumeAttributes map[string]string `yaml:"volumeAttributes"`
				}
			}
		}
	}
	if err := all[1].Decode(&pod); err != nil {
		t.Fatal(err)
	}
	volume := pod.Spec.Volumes[0]
	if volume.CSI.Driver != "secrets-store.csi.k8s.io" || volume.Name != pod.Spec.Containers[0].VolumeMounts[0].Name ||
		volume.CSI.VolumeAttributes["secretProviderClass"] != class.Metadata.Name {
		t.Errorf("volume %+v", volume)
	}
}

// Every manifest that names the secret takes the token's field, and no other.
func TestManifestsNameTheTokensField(t *testing.T) {
	data := externalSecret(t).Spec.Data
	if len(data) != 1 || data[0].RemoteRef.Key != secretName || data[0].RemoteRef.Property != "apiToken" {
		t.Errorf("data %+v", data)
	}
	files, err := filepath.Glob(recipes + "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(file))
	}
	want := []string{"ecs-redeploy.yaml", "external-secrets-queue.yaml", "external-secrets.yaml", "secrets-store-csi.yaml"}
	if !slices.Equal(names, want) {
		t.Errorf("recipes %v; each needs a test", names)
	}
}
