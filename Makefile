# keepalived: make help lists the targets.

SHELL := /bin/bash
export PATH := $(PATH):/usr/local/go/bin
export CGO_ENABLED := 0

GO        ?= go
PREFIX    ?= /usr
SBINDIR   ?= $(PREFIX)/sbin
BINDIR    ?= $(PREFIX)/bin
MANDIR    ?= $(PREFIX)/share/man
UNITDIR   ?= /lib/systemd/system
SYSUSERS  ?= $(PREFIX)/lib/sysusers.d
TMPFILES  ?= $(PREFIX)/lib/tmpfiles.d
EXAMPLES  ?= $(PREFIX)/share/doc/keepalived/examples

COMMIT    := $(shell git rev-parse --short=12 HEAD 2>/dev/null)
LDFLAGS   := -s -w -X keepalived/core/process.commit=$(COMMIT)
BUILD     := $(GO) build -trimpath -tags grpcnotrace -ldflags "$(LDFLAGS)"
TOOL      := $(GO) tool -modfile=test/tools/go.mod

# What the tests run against, all from Debian or Ubuntu.
TEST_PACKAGES := keepalived frr iproute2 nftables tcpdump procps systemd iputils-ping busybox-static protobuf-compiler groff-base user-mode-linux kmod ipvsadm nginx-light openssl

.PHONY: help build demo test race lint generate manual generate-check compat bench install deps demo-deps fuzz-short clean

help:
	@echo "build     bin/keepalived and bin/keepalivedctl"
	@echo "demo      load balancing and a failover of two directors (root)"
	@echo "test      install what the tests need, run every test (root)"
	@echo "race      the tests of the pure and concurrent packages under the race detector"
	@echo "lint      gofmt, go vet, staticcheck, the architecture rules"
	@echo "generate  the gRPC code from proto/ (needs protoc), keepalived.conf(5) from the keyword tables"
	@echo "compat    how far keepalived 2.2.7 is matched: keywords by state, verdicts compared (root)"
	@echo "bench     figures beside the real keepalived's (root)"
	@echo "install   into DESTDIR"

build:
	@mkdir -p bin
	$(BUILD) -o bin/keepalived ./cmd/keepalived
	$(BUILD) -o bin/keepalivedctl ./cmd/keepalivedctl

# deps installs what the tests need; without root it only says so.
deps:
	@$(call install,$(TEST_PACKAGES))

# demo-deps installs what the demo needs: another kernel where this one has no ip_vs.
demo-deps:
	@$(call install,iproute2 kmod)
	@modprobe -q ip_vs || { $(call install,user-mode-linux busybox-static); }

install = missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q "ok installed" || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then \
	    echo "installing$$missing"; apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $$missing >/dev/null; \
	  else echo "missing packages:$$missing (install them, or run as root)" >&2; exit 1; fi; fi

test: deps build lint generate-check
	@set -o pipefail; counts=$$(mktemp -d /var/tmp/keepalived-test.XXXXXX); trap 'rm -rf $$counts' EXIT; chmod 0755 $$counts; cp bin/keepalived bin/keepalivedctl $$counts/; \
	KEEPALIVED_BIN=$$counts/keepalived KEEPALIVED_TEST_COUNTS=$$counts/kernel \
	  $(GO) test -tags grpcnotrace -count=1 -p 2 -timeout 15m $$($(GO) list ./... | grep -v -e /test/interop -e /test/daemon -e /test/lvs -e /test/arch) && \
	KEEPALIVED_BIN=$$counts/keepalived KEEPALIVED_TEST_COUNTS=$$counts/kernel \
	  $(GO) test -tags grpcnotrace -count=1 -p 1 -timeout 15m ./test/daemon ./test/lvs && \
	KEEPALIVED_BIN=$$counts/keepalived KEEPALIVED_TEST_COUNTS=$$counts/kernel \
	  $(GO) test -tags grpcnotrace -count=1 -v -timeout 15m ./test/interop | test/interop/summary && \
	test/summary $$counts/kernel

race:
	CGO_ENABLED=1 $(GO) test -race -count=1 ./core/... ./rpc/... ./vrrp/... ./checker/...

lint:
	@out=$$(gofmt -l $$(git ls-files '*.go' | grep -v '\.pb\.go$$')); [ -z "$$out" ] || { echo "gofmt differs: $$out"; exit 1; }
	$(GO) vet -tags grpcnotrace ./...
	$(TOOL) staticcheck -tags grpcnotrace ./...
	$(GO) test ./test/arch

# install takes what build has made; root need not have Go. BIN is where that is.
BIN ?= bin

install:
	@for f in keepalived keepalivedctl; do [ -x $(BIN)/$$f ] || { echo "$(BIN)/$$f is missing: make build first" >&2; exit 1; }; done
	install -d -m 0755 $(DESTDIR)/etc/keepalived
	install -D -m 0755 $(BIN)/keepalived $(DESTDIR)$(SBINDIR)/keepalived
	install -D -m 0755 $(BIN)/keepalivedctl $(DESTDIR)$(BINDIR)/keepalivedctl
	ln -sf ../sbin/keepalived $(DESTDIR)$(BINDIR)/genhash
	install -d -m 0755 $(DESTDIR)$(UNITDIR)
	sed 's|/usr/sbin/keepalived|$(SBINDIR)/keepalived|' deploy/keepalived.service > $(DESTDIR)$(UNITDIR)/keepalived.service
	chmod 0644 $(DESTDIR)$(UNITDIR)/keepalived.service
	install -D -m 0644 deploy/keepalived.sysusers $(DESTDIR)$(SYSUSERS)/keepalived.conf
	install -D -m 0644 deploy/keepalived.tmpfiles $(DESTDIR)$(TMPFILES)/keepalived.conf
	install -D -m 0644 deploy/man/genhash.1 $(DESTDIR)$(MANDIR)/man1/genhash.1
	install -D -m 0644 deploy/man/keepalivedctl.1 $(DESTDIR)$(MANDIR)/man1/keepalivedctl.1
	install -D -m 0644 deploy/man/keepalived.conf.5 $(DESTDIR)$(MANDIR)/man5/keepalived.conf.5
	install -D -m 0644 deploy/man/keepalived.8 $(DESTDIR)$(MANDIR)/man8/keepalived.8
	install -d -m 0755 $(DESTDIR)$(EXAMPLES)
	install -m 0644 deploy/examples/*.conf $(DESTDIR)$(EXAMPLES)/

# generate makes the gRPC code anew with the pinned plugins (protoc is Debian's), and
# the manual of the configuration. A test holds the latter against the tables.
PROTOS := common admin supervisor
generate: $(if $(OUT),,manual)
	@mkdir -p bin/tools
	@cd test/tools && $(GO) build -o ../../bin/tools/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc ./wellknown
	@bin/tools/wellknown > bin/tools/wellknown.pb
	@cd proto && PATH=$(CURDIR)/bin/tools:$$PATH protoc --descriptor_set_in=$(CURDIR)/bin/tools/wellknown.pb -I . \
	  --go_out=$(or $(OUT),.) --go_opt=paths=source_relative --go-grpc_out=$(or $(OUT),.) --go-grpc_opt=paths=source_relative \
	  $(PROTOS:%=keepalived/v1/%.proto)

manual:
	@$(GO) run -tags grpcnotrace ./cmd/internal/manpage > deploy/man/keepalived.conf.5.new
	@mv deploy/man/keepalived.conf.5.new deploy/man/keepalived.conf.5

# generate-check fails when the committed code is not what generate makes.
generate-check:
	@out=$$(mktemp -d); trap 'rm -rf $$out' EXIT; $(MAKE) -s generate OUT=$$out && \
	diff -ru --exclude='*.proto' proto/keepalived $$out/keepalived || { echo "proto: run make generate and commit" >&2; exit 1; }

# compat prints the counts of the ledger and holds the configurations of test/compat
# against the keepalived that is installed.
compat: deps
	@$(GO) test -tags grpcnotrace -count=1 -v -run 'TestLedger|TestAgainst227|TestRow|TestReference' ./cmd/internal/dialect | \
	  sed -n -e 's/^ *\(--- FAIL.*\)/\1/p' -e 's/^ *[a-z_]*_test.go:[0-9]*: //p'; exit $${PIPESTATUS[0]}

# BENCH takes more flags: make bench BENCH="-only 'crash|stop' -big"
bench: deps build
	$(GO) run ./test/bench -ours $(CURDIR)/bin/keepalived $(BENCH)

clean:
	rm -rf bin dist

demo: build demo-deps
	$(GO) run -tags grpcnotrace ./test/demo
