package lvs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// forwarding is a configuration with a service of each kind that the plain network can
// carry: IPv6 by NAT, direct routing, UDP, and one that keeps a client with its server.
const forwarding = `
virtual_server 2001:db8:1::100 80 {
    delay_loop 1
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 2001:db8:2::a 80 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
    real_server 2001:db8:2::b 8080 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
}
virtual_server 192.0.2.100 81 {
    delay_loop 1
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 192.0.2.21 81 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
    real_server 192.0.2.22 81 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
}
virtual_server 192.0.2.100 53 {
    lb_algo rr
    lb_kind NAT
    protocol UDP
    real_server 198.51.100.10 53 {
    }
    real_server 198.51.100.11 5353 {
    }
}
virtual_server 192.0.2.100 82 {
    delay_loop 1
    lb_algo rr
    lb_kind NAT
    protocol TCP
    persistence_timeout 60
    real_server 198.51.100.10 80 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
    real_server 198.51.100.11 80 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
}
`

// Packets go where the table says: each kind of service is used.
func TestKernelForwarding(t *testing.T) {
	t.Parallel()
	needs(t)
	n := newNetwork(t)
	d := n.director("ours", "192.0.2.1/24", "198.51.100.1/24")
	batch(t, d.host, "addr add "+ownVIP+" dev eth0", "addr add "+vip6+"/64 dev eth0 nodad", "addr add 2001:db8:2::1/64 dev eth1 nodad")
	d.host.Do(func() { d.host.Sysctl("net/ipv6/conf/all/forwarding", "1") })
	client := n.client("192.0.2.10/24", "2001:db8:1::10/64")
	for i, name := range []string{"a-web", "b-web"} {
		addr := fmt.Sprintf("198.51.100.%d", 10+i)
		addr6 := fmt.Sprintf("2001:db8:2::%x", 10+i)
		h := n.server(name, "198.51.100.1", addr+"/24", addr6+"/64")
		h.IP("route", "add", "::/0", "via", "2001:db8:2::1")
		serve(t, h, name, addr+":80")
		serve(t, h, name, fmt.Sprintf("[%s]:%d", addr6, []int{80, 8080}[i]))
		nameServer(t, h.Do, name, fmt.Sprintf("%s:%d", addr, []int{53, 5353}[i]))
		// For direct routing a server beside the clients, which has the virtual address and
		// does not tell.
		direct := n.lab.Host(name + "-direct")
		direct.Do(func() {
			direct.Sysctl("net/ipv4/conf/all/arp_ignore", "1")
			direct.Sysctl("net/ipv4/conf/all/arp_announce", "2")
		})
		n.lab.Attach(n.front, direct, "eth0", fmt.Sprintf("192.0.2.%d/24", 21+i))
		direct.IP("addr", "add", vip+"/32", "dev", "lo")
		serve(t, direct, name, "0.0.0.0:81")
	}
	d.conf = forwarding
	d.start("-C")
	for _, server := range []string{"[2001:db8:2::a]:80", "[2001:db8:2::b]:8080", "192.0.2.21:81", "192.0.2.22:81", "198.51.100.11:5353", "198.51.100.11:80"} {
		d.table.await(t, 10*time.Second, time.Time{}, server, true)
	}
	for _, addr := range []string{netip.AddrPortFrom(netip.MustParseAddr(vip6), 80).String(), vip + ":81"} {
		if by := client.count(t, addr, 10); by["a-web"] != 5 || by["b-web"] != 5 {
			t.Errorf("%s: of 10 requests were answered %v, want each server half", addr, by)
		}
	}
	by := map[string]int{}
	for range 10 {
		who, err := client.askUDP(vip + ":53")
		if err != nil {
			t.Error(err)
		}
		by[who]++
	}
	if by["a-web"] != 5 || by["b-web"] != 5 {
		t.Errorf("UDP: of 10 questions were answered %v, want each server half", by)
	}
	if by := client.count(t, vip+":82", 10); by["a-web"] != 10 && by["b-web"] != 10 {
		t.Errorf("a persistent service: of 10 requests were answered %v, want all by one server", by)
	}
}

// nameServer answers every datagram with its name; do runs a function in its namespace.
func nameServer(t *testing.T, do func(func()), name, addr string) {
	t.Helper()
	var c net.PacketConn
	var err error
	do(func() { c, err = net.ListenPacket("udp", addr) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 512)
		for {
			_, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo([]byte(name), from)
		}
	}()
}

// askUDP sends a datagram and returns the name in the answer.
func (c *client) askUDP(addr string) (string, error) {
	var conn net.Conn
	var err error
	c.host.Do(func() { conn, err = net.Dial("udp", addr) })
	if err != nil {
		return "", err
	}
	defer conn.Close()
	b := make([]byte, 512)
	err = errors.Join(conn.SetDeadline(time.Now().Add(5*time.Second)), func() error { _, err := conn.Write([]byte("who")); return err }())
	if err != nil {
		return "", err
	}
	n, err := conn.Read(b)
	return string(b[:n]), err
}
