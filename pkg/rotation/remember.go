package rotation

import (
	"fmt"

	"engage-token-rotation/pkg/secret"
)

// maxEndpoints bounds what a warm function remembers; a rotation needs one.
const maxEndpoints = 64

func (i *invocation) endpointKey(document *secret.Document) string {
	return fmt.Sprintf("%s %s %s %s", i.event.SecretID, i.event.VersionID, document.AdminSecretARN(),
		secret.NewBaseURL(document, nil))
}

func (i *invocation) recall(document *secret.Document) (endpoint, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	e, ok := i.endpoints[i.endpointKey(document)]
	return e, ok
}

func (i *invocation) remember(document *secret.Document, e endpoint) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.endpoints) >= maxEndpoints {
		clear(i.endpoints)
	}
	i.endpoints[i.endpointKey(document)] = e
}
