// Package recipes tests the recipes of pkg/tokensource/recipes: rules that hear of a rotation, and
// Kubernetes manifests.
//
// The CloudFormation templates are deployed into moto, which shares no code with this module. The
// events are those that awstest sends over a rotation, and a test acts on each as the recipe's
// target does.
package recipes
