package vip

import (
	"slices"

	"keepalived/core/reconcile/worker"
	"keepalived/core/rtnl"
)

// Worker is the reconciling worker for virtual addresses.
//
// How the loop uses it. Owners are instance numbers, generations come from one counter.
//
//	start    with the monitor's first delivery: Leftovers; per instance Adopt what is
//	         there, then SetWant(owner, gen, nil), or the desired list for one that
//	         resumes MASTER or is the owner of its addresses;
//	MASTER   send the advert, then SetWant(owner, gen, desired); GARP and notify on
//	         Applied{owner, gen}, whether Err is nil or not;
//	leaving  send priority 0, then SetWant(owner, gen, nil);
//	reload   of a MASTER: SetWant with the new list; only the difference is touched;
//	events   AddrGone of the monitor: Lost(addr.Key()), for every one, after the event
//	         went into the interface table and the instances reacted; Resynced: Verify();
//	stop     SetWant(…, nil) for all, Close, and wait for Run with a time limit.
type Worker = worker.Worker[rtnl.Key, Object]

// NewWorker makes the worker; cfg.Applier is usually NewApplier's.
func NewWorker(cfg worker.Config[Object]) *Worker { return worker.New[rtnl.Key](cfg) }

// kernel is what Applier needs of rtnl.Handle.
type kernel interface {
	AddAddrs(addrs []rtnl.Addr, errs []error)
	RemoveAddrs(addrs []rtnl.Addr, errs []error)
	Addrs() ([]rtnl.Addr, error)
}

// Applier brings objects into the kernel. It belongs to the worker's goroutine.
type Applier struct {
	kernel kernel
	addrs  []rtnl.Addr
	errs   []error
}

// NewApplier uses k, an *rtnl.Handle that nobody else uses.
func NewApplier(k kernel) *Applier { return &Applier{kernel: k} }

// Add implements worker.Applier.
func (a *Applier) Add(objects []Object, outcomes []worker.Outcome) {
	a.load(objects)
	a.kernel.AddAddrs(a.addrs, a.errs)
	a.judge(outcomes, rtnl.IsExist)
}

// Remove implements worker.Applier.
func (a *Applier) Remove(objects []Object, outcomes []worker.Outcome) {
	a.load(objects)
	a.kernel.RemoveAddrs(a.addrs, a.errs)
	a.judge(outcomes, rtnl.IsGone)
}

// Observe implements worker.Applier.
func (a *Applier) Observe() ([]Object, error) {
	addrs, err := a.kernel.Addrs()
	if err != nil {
		return nil, err
	}
	objects := make([]Object, len(addrs))
	for i, addr := range addrs {
		objects[i] = Object{Addr: addr}
	}
	return objects, nil
}

func (a *Applier) load(objects []Object) {
	a.addrs = a.addrs[:0]
	for _, o := range objects {
		a.addrs = append(a.addrs, o.Addr)
	}
	a.errs = slices.Grow(a.errs[:0], len(objects))[:len(objects)]
	clear(a.errs)
}

// judge turns the kernel's answers into verdicts; already recognises the error that
// says there was nothing to do.
func (a *Applier) judge(outcomes []worker.Outcome, already func(error) bool) {
	for i, err := range a.errs {
		switch {
		case err == nil:
			outcomes[i] = worker.Outcome{Verdict: worker.Done}
		case already(err):
			outcomes[i] = worker.Outcome{Verdict: worker.Already}
		case rtnl.IsRetry(err):
			outcomes[i] = worker.Outcome{Verdict: worker.Retry, Err: err}
		default:
			outcomes[i] = worker.Outcome{Verdict: worker.Failed, Err: err}
		}
	}
}
