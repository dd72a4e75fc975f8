// Package deploy tests what is installed: the unit, the manual pages, the examples and
// the Makefile's install.
package deploy
