package unixsock

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"
)

// Peer is the process at the other end as the kernel recorded it when it
// connected (SO_PEERCRED); a PID is only meaningful while that process lives.
type Peer struct {
	PID int32
	UID uint32
	GID uint32
}

func (p Peer) String() string { return fmt.Sprintf("pid %d uid %d", p.PID, p.UID) }

// PeerOf asks the kernel who is at the other end of a connected unix socket.
func PeerOf(conn net.Conn) (Peer, error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return Peer{}, fmt.Errorf("peer of a %T: no socket", conn)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return Peer{}, fmt.Errorf("asking for the peer: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return Peer{}, fmt.Errorf("asking for the peer: %w", err)
	}
	if credErr != nil {
		return Peer{}, fmt.Errorf("asking for the peer: %w", credErr)
	}
	return Peer{PID: cred.Pid, UID: cred.Uid, GID: cred.Gid}, nil
}

// PeerFrom gives the caller of a gRPC method on a server with ServerCredentials.
func PeerFrom(ctx context.Context) (Peer, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return Peer{}, false
	}
	info, ok := p.AuthInfo.(authInfo)
	return info.Peer, ok
}

// ServerCredentials are gRPC transport credentials that know the peer's process
// and encrypt nothing: the bytes never leave the kernel.
func ServerCredentials() credentials.TransportCredentials { return peerCredentials{} }

// ClientCredentials are the matching credentials of a client.
func ClientCredentials() credentials.TransportCredentials { return insecure.NewCredentials() }

type authInfo struct {
	credentials.CommonAuthInfo
	Peer Peer
}

func (authInfo) AuthType() string { return "peercred" }

type peerCredentials struct{}

func (peerCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	p, err := PeerOf(conn)
	if err != nil {
		return nil, nil, err
	}
	return conn, authInfo{
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		Peer:           p,
	}, nil
}

func (peerCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, fmt.Errorf("peer credentials are the server's")
}

func (peerCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "peercred"}
}

func (p peerCredentials) Clone() credentials.TransportCredentials { return p }

func (peerCredentials) OverrideServerName(string) error { return nil }
