package childapi

import (
	"context"
	"log/slog"
	"slices"

	pb "keepalived/proto/keepalived/v1"
)

// maxDumpPart is the size of the pieces in which a dump crosses to the parent.
const maxDumpPart = 64 << 10

// SendDump sends a rendered dump in pieces, as the answer to a DumpCommand.
func SendDump(kind pb.DumpKind, text []byte, send func(*pb.ServeRequest) error) error {
	for part := range slices.Chunk(text, maxDumpPart) {
		if err := send(&pb.ServeRequest{Answer: &pb.ServeRequest_Dump{Dump: &pb.DumpPart{Kind: kind, Data: part}}}); err != nil {
			return err
		}
	}
	return nil
}

// SendDumpPath tells where a dump was written to.
func SendDumpPath(kind pb.DumpKind, path string, send func(*pb.ServeRequest) error) error {
	return send(&pb.ServeRequest{Answer: &pb.ServeRequest_Dump{Dump: &pb.DumpPart{Kind: kind, Path: path}}})
}

// Dumper carries out a DumpCommand.
type Dumper func(ctx context.Context, c *pb.DumpCommand, send func(*pb.ServeRequest) error) error

// OnSignal writes the files of the dumps that somebody wants of the process by its own
// pid, until ctx ends.
func (d Dumper) OnSignal(ctx context.Context, wanted <-chan pb.DumpKind, log *slog.Logger) error {
	for {
		select {
		case kind := <-wanted:
			c := &pb.DumpCommand{Kinds: []pb.DumpKind{kind}, ToFiles: true}
			if err := d(ctx, c, func(*pb.ServeRequest) error { return nil }); err != nil && ctx.Err() == nil {
				log.Error(err.Error())
			}
		case <-ctx.Done():
			return nil
		}
	}
}
