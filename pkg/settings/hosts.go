package settings

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"engage-token-rotation/pkg/engage"
)

// The hosts that a secret or a parameter may name without an entry in ENGAGE_ALLOWED_HOSTS: those
// of the API, and those of the JWT grant. Neither is allowed for the other use: it would be sent
// credentials that are not its own.
var (
	vendorHosts = []string{
		"engage.ringcentral.com",
		"ringcx.ringcentral.com",
		"portal.vacd.biz",
		"portal.virtualacd.biz",
	}
	platformHosts = []string{"platform.ringcentral.com"}
)

// hosts is the allow-list for one use. It exists because the host decides where a password is sent.
type hosts struct {
	use            string // what the hosts are for
	vendor, others []string
	allowed        map[string]bool // by "scheme://host[:port]"
}

// parseHosts reads ENGAGE_ALLOWED_HOSTS: hosts separated by commas, each "host", "host:port" (both
// meaning https, and for this machine http too), or a base URL with its scheme. An entry for this
// machine without scheme and port means all its ports.
func parseHosts(text string, vendor []string) (map[string]bool, error) {
	allowed := map[string]bool{}
	for _, host := range vendor {
		allowed["https://"+host] = true
	}
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		bare := !strings.Contains(entry, "://")
		if bare {
			entry = "https://" + entry
		}
		base, err := engage.ParseBaseURL(entry)
		if err != nil {
			return nil, fmt.Errorf("an entry %w", err)
		}
		allowed[base.String()] = true
		if bare && isLocal(base.Hostname()) {
			allowed["http://"+base.Host] = true
			if base.Port() == "" {
				allowed[anyPort(base)] = true
			}
		}
	}
	return allowed, nil
}

// anyPort is the key of all ports of this machine, under either scheme.
func anyPort(base *url.URL) string { return base.Hostname() + ":*" }

// check refuses a base URL if its host is not on the list, or if it is plain http and the list does
// not say http://.
func (h hosts) check(base *url.URL) error {
	switch {
	case slices.Contains(h.others, base.Hostname()):
	case h.allowed[base.String()], isLocal(base.Hostname()) && h.allowed[anyPort(base)]:
	case base.Scheme == "http" && h.allowed["https://"+base.Host]:
		return fmt.Errorf("is plain http; use https, or list the host with http:// in %s", EnvAllowedHosts)
	default:
		return fmt.Errorf("names a host that is not on the allow-list; add it to %s if it is the vendor's", EnvAllowedHosts)
	}
	return h.checkTrusted(base)
}

// checkTrusted refuses the vendor's host of the other use, and accepts plain http only for this
// machine and for hosts that the allow-list has with http://.
func (h hosts) checkTrusted(base *url.URL) error {
	switch {
	case slices.Contains(h.others, base.Hostname()):
		return fmt.Errorf("names a host of the vendor that is not for %s; use https://%s", h.use, h.vendor[0])
	case base.Scheme == "https" || isLocal(base.Hostname()) || h.allowed[base.String()]:
		return nil
	}
	return fmt.Errorf("is plain http; use https, or list the host with http:// in %s", EnvAllowedHosts)
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || host == "host.docker.internal" || ip != nil && ip.IsLoopback()
}
