package rotation

import "sync"

// parallel runs the functions side by side, waits for all, and returns the first error in the order of the arguments.
func parallel(functions ...func() error) error {
	errs := make([]error, len(functions))
	var wg sync.WaitGroup
	for i, f := range functions {
		if f == nil {
			continue
		}
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
