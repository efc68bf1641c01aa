// Package page tests the sandbox's page in a real browser, headless Chromium, which it drives by
// WebDriver (https://www.w3.org/TR/webdriver2/): what a user does and sees, by mouse and keyboard,
// and that the page breaks no rule of its own: no error, no request to another host, nothing that
// its content security policy forbids.
//
// It needs chromedriver, and google-chrome or chromium, on PATH (Debian's packages are chromium and
// chromium-driver). Without them it is skipped, unless the environment has BROWSER=required. The
// package holds tests alone; `make pictures` lets one of them write the README's pictures.
package page
