// Labagent is the lab's hand inside a guest, and the holder of a running lab on the host.
//
//	labagent serve ADDRESS      take orders on a TCP address (in a guest)
//	labagent hold FOLDER        take orders on FOLDER/host.sock; when stdin ends, kill everything in this
//	                            PID namespace, remove FOLDER and exit (on the host)
//	labagent names ADDRESS FILE answer DNS queries from a file (on the host)
//	labagent pause              be a pod's first container (in a guest)
//
// A connection carries one order: a line of JSON, answered as the order's file says.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"time"
)

type order struct {
	Op string `json:"op"` // ping, run, dial, forward, drop, mconsole
	// run
	Argv    []string `json:"argv"`
	Env     []string `json:"env"`
	Cwd     string   `json:"cwd"`
	Isolate bool     `json:"isolate"`
	// dial and forward: addresses such as unix:/run/x.sock or tcp:10.0.0.1:80
	To     string `json:"to"`
	Via    string `json:"via"`
	Listen string `json:"listen"`
}

type answer struct {
	Error string `json:"error,omitempty"`
}

func main() {
	words := append(os.Args[1:], "", "", "")
	switch words[0] {
	case "serve":
		// A guest has one processor, and switching threads is dear in User Mode Linux.
		runtime.GOMAXPROCS(1)
		listener, err := net.Listen("tcp", words[1])
		if err != nil {
			fail(err.Error())
		}
		accept(listener, takeOrder)
	case "hold":
		hold(words[1])
	case "names":
		names(words[1], words[2])
	case "pause":
		pause()
	default:
		fail("unknown command " + words[0])
	}
}

func accept(listener net.Listener, serve func(net.Conn)) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go serve(connection)
	}
}

func takeOrder(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	line, err := reader.ReadBytes('\n')
	if err != nil {
		return
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		reply(connection, err)
		return
	}
	switch o.Op {
	case "ping":
		reply(connection, nil)
	case "run":
		run(o, connection, reader)
	case "dial":
		dial(o, connection, reader)
	case "forward":
		reply(connection, forward(o))
	case "mconsole":
		reply(connection, mconsole(o.To, strings.Join(o.Argv, " ")))
	case "drop":
		forwarded.drop(o.To)
		reply(connection, nil)
	default:
		reply(connection, fmt.Errorf("unknown order %q", o.Op))
	}
}

func reply(connection net.Conn, err error) {
	a := answer{}
	if err != nil {
		a.Error = err.Error()
	}
	line, _ := json.Marshal(a)
	connection.Write(append(line, '\n'))
}

func fail(words string) {
	fmt.Fprintln(os.Stderr, "labagent:", words)
	os.Exit(1)
}

// connect gives up early: a guest that is not there yet must be asked again soon.
func connect(address string) (net.Conn, error) {
	network, rest, ok := strings.Cut(address, ":")
	if !ok {
		return nil, fmt.Errorf("address %q lacks its network", address)
	}
	const timeout = 2 * time.Second
	if network == "tcp" {
		return connectNudged(rest, timeout)
	}
	return net.DialTimeout(network, rest, timeout)
}
