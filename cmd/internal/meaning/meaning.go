// Package meaning tells what configurations mean, whatever way they are written: the
// canonical form of one, and the difference between two. Two texts mean the same when
// the models that the children decode from them are equal. It does not touch the
// machine: no file, no interface, no script is looked at.
package meaning

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"reflect"
	"slices"

	"keepalived/checker/checkercfg"
	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/vrrp/vrrpcfg"
)

// Fingerprint stands for the models that both children decode from roots. Where in a
// file something stands and how it is written makes no difference to it.
func Fingerprint(roots []*config.Node) [32]byte {
	t := &config.Tree{Roots: roots}
	g, _ := global.Decode(t)
	v, _ := vrrpcfg.Load(t, g, nil)
	c, _ := checkercfg.Load(t, g)
	w := writer{sha256.New()}
	for _, model := range []any{g, v, c} {
		w.value(reflect.ValueOf(model))
	}
	return [32]byte(w.Sum(nil))
}

// writer feeds a hash with values of any kind, without the places of the file that
// are in them.
type writer struct{ hash.Hash }

var place = reflect.TypeFor[diag.Range]()

func (w writer) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		w.number(boolean(!v.IsNil()))
		if !v.IsNil() {
			w.value(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).Type() != place {
				w.value(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		w.number(uint64(v.Len()))
		for i := range v.Len() {
			w.value(v.Index(i))
		}
	case reflect.Map:
		w.entries(v)
	case reflect.String:
		w.number(uint64(v.Len()))
		w.Write([]byte(v.String()))
	case reflect.Bool:
		w.number(boolean(v.Bool()))
	case reflect.Func: // says nothing about the configuration
	default:
		switch {
		case v.CanInt():
			w.number(uint64(v.Int()))
		case v.CanUint():
			w.number(v.Uint())
		default:
			panic(fmt.Sprintf("a configuration model has a %s", v.Type()))
		}
	}
}

// entries writes a map in an order that does not depend on chance.
func (w writer) entries(v reflect.Value) {
	sums := make([]string, 0, v.Len())
	for i := v.MapRange(); i.Next(); {
		e := writer{sha256.New()}
		e.value(i.Key())
		e.value(i.Value())
		sums = append(sums, string(e.Sum(nil)))
	}
	slices.Sort(sums)
	w.number(uint64(len(sums)))
	for _, s := range sums {
		w.Write([]byte(s))
	}
}

func (w writer) number(n uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	w.Write(b[:])
}

func boolean(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
