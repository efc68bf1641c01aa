package simulation

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"engage-token-rotation/pkg/standins/awstest"
)

// TestParameterStore checks that the simulation's store answers like the stand-in's.
func TestParameterStore(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	fast, standIn := &parameterStore{}, awstest.NewParameterStore(awstest.ParametersConfig{Versions: 1})
	paths := []string{"/p/ledger", "/p/ledger/user", "/p/ledger0", "/p", "/p/logins", "/q/ledger"}
	for n := range 3000 {
		name := fmt.Sprintf("%s/token-%d", paths[random.IntN(len(paths))], random.IntN(12))
		switch random.IntN(4) {
		case 0:
			got := fast.remove(name) != ""
			_, err := standIn.DeleteParameter(&awstest.ParameterNameInput{Name: name})
			if got != (err == nil) {
				t.Fatalf("remove %s: %t, the stand-in: %v", name, got, err)
			}
		default:
			value := fmt.Sprint("value ", n)
			fast.put(name, value)
			in := &awstest.PutParameterInput{Name: name, Value: value, Type: "String", Overwrite: true}
			if _, err := standIn.PutParameter(in); err != nil {
				t.Fatal(err)
			}
		}
		path, recursive := paths[random.IntN(len(paths))], random.IntN(2) == 0
		if got, want := listFast(fast, path, recursive), listStandIn(t, standIn, path, recursive); got != want {
			t.Fatalf("list %s, recursive %t:\n%s\nthe stand-in:\n%s", path, recursive, got, want)
		}
	}
}

// TestParameterStoreRewinds checks that reads as of some time ago show what there was then.
func TestParameterStoreRewinds(t *testing.T) {
	s := &parameterStore{}
	s.put("/p/a", "1")
	first := s.all[0]
	time.Sleep(2 * time.Millisecond)
	cut := time.Now()
	time.Sleep(2 * time.Millisecond)
	s.put("/p/a", "2")
	s.put("/p/b", "1")
	s.remove("/p/a")
	age := time.Since(cut)
	if got := s.getAt("/p/a", age); got != "1" {
		t.Errorf("/p/a was %q, want 1", got)
	}
	if page, _ := s.page("/p", "", true, age); len(page) != 1 || page[0] != first {
		t.Errorf("the page was %v", page)
	}
	if page, _ := s.page("/p", "", true, 0); len(page) != 1 || page[0].name != "/p/b" || page[0].value != "1" {
		t.Errorf("the page is %v", page)
	}
}

func listFast(s *parameterStore, path string, recursive bool) string {
	text := ""
	for next := ""; ; {
		page, token := s.page(path, next, recursive, 0)
		for _, p := range page {
			text += p.name + "=" + p.value + "\n"
		}
		if next = token; next == "" {
			return text
		}
	}
}

func listStandIn(t *testing.T, s *awstest.ParameterStore, path string, recursive bool) string {
	text := ""
	for next := ""; ; {
		in := &awstest.GetParametersByPathInput{Path: path, Recursive: recursive, NextToken: next}
		out, err := s.GetParametersByPath(in)
		if err != nil {
			t.Fatal(err)
		}
		for i := range out.Parameters {
			text += out.Parameters[i].Name + "=" + out.Parameters[i].Value + "\n"
		}
		if next = out.NextToken; next == "" {
			return text
		}
	}
}
