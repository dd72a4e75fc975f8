// Package lvs tests load balancing as a whole: directors with our daemon, clients and real
// servers as network namespaces of one kernel with ip_vs, most of it beside the real
// keepalived with the same configuration. The kernel is the machine's own where it has
// ip_vs, else User-Mode Linux (see test/uml): all tests are named TestKernel….
//
// KEEPALIVED_BIN names the daemon under test; keepalivedctl is beside it.
package lvs
