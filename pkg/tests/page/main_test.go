package page_test

import (
	"os"
	"testing"

	"engage-token-rotation/pkg/tests/internal/binaries"
)

var built binaries.Dir

func TestMain(m *testing.M) { os.Exit(built.Run(m, 2)) }
