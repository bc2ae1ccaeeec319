package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
)

// dial answers one line of JSON and, without an error in it, is a pipe to the address from then on.
func dial(o order, connection net.Conn, reader io.Reader) {
	target, err := connect(o.To)
	reply(connection, err)
	if err == nil {
		splice(connection, reader, target, target)
	}
}

// forward listens on a socket of this side and connects each caller, when it comes, to an address: directly, or
// through the agent at `via`.
func forward(o order) error {
	network, address, _ := strings.Cut(o.Listen, ":")
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	if network == "unix" {
		os.Chmod(address, 0o600)
	}
	go accept(listener, func(caller net.Conn) {
		defer caller.Close()
		target, reader, err := reach(o)
		if err != nil {
			return
		}
		defer forwarded.add(o, target)()
		splice(caller, caller, target, reader)
	})
	return nil
}

// A guest without power closes no connection; whoever waits for its answer would wait for TCP to give up.
type targets struct {
	sync.Mutex
	orders map[net.Conn]order
}

var forwarded = targets{orders: map[net.Conn]order{}}

func (t *targets) add(o order, target net.Conn) (remove func()) {
	t.Lock()
	defer t.Unlock()
	t.orders[target] = o
	return func() {
		t.Lock()
		defer t.Unlock()
		delete(t.orders, target)
	}
}

func (t *targets) drop(address string) {
	t.Lock()
	defer t.Unlock()
	for target, o := range t.orders {
		if o.To == address || o.Via == address {
			target.Close()
		}
	}
}

func reach(o order) (net.Conn, io.Reader, error) {
	if o.Via == "" {
		target, err := connect(o.To)
		return target, target, err
	}
	target, err := connect(o.Via)
	if err != nil {
		return nil, nil, err
	}
	line, _ := json.Marshal(order{Op: "dial", To: o.To})
	target.Write(append(line, '\n'))
	reader := bufio.NewReader(target)
	words, err := reader.ReadBytes('\n')
	var a answer
	if err == nil {
		err = json.Unmarshal(words, &a)
	}
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	if err != nil {
		target.Close()
	}
	return target, reader, err
}

// splice copies both ways until both have ended. Each side's reader may hold bytes read ahead with the first line.
func splice(a net.Conn, fromA io.Reader, b net.Conn, fromB io.Reader) {
	done := make(chan struct{}, 2)
	copyOneWay := func(to net.Conn, from io.Reader) {
		_, err := io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
			half.CloseWrite()
		} else {
			to.Close()
		}
		done <- struct{}{}
	}
	go copyOneWay(b, fromA)
	go copyOneWay(a, fromB)
	<-done
	<-done
	a.Close()
	b.Close()
}
